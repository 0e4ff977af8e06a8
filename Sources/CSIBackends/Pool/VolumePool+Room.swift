public import CSICore
import CSIHost
import CSILock
import SystemPackage

/// Room for images and directories.
extension VolumePool {
    /// The room that is left, all promises kept.
    public func room() async throws(CSIError) -> PoolRoom {
        room(try await measure())
    }

    /// Takes room for a volume that is about to be made or to grow, until the reservation is given back.
    /// - Throws: OUT_OF_RANGE when the pool could never hold it, RESOURCE_EXHAUSTED when it cannot now.
    public func reserve(_ bytes: Int64, isThick: Bool) async throws(CSIError) -> PoolReservation {
        var room = tryReserve(bytes, isThick, try await measure())
        // What volumes wrote since they were looked at counts twice until they are looked at again.
        if room != nil, measureAll() { room = tryReserve(bytes, isThick, try await measure()) }
        guard let room else { return PoolReservation(pool: self, bytes: bytes, isThick: isThick) }
        let kind = isThick ? "thick" : "thin"
        guard bytes <= room.largest(isThick: isThick) else {
            throw .impossibleCapacity(
                "the pool could hold \(room.largest(isThick: isThick)) bytes of \(kind) volumes if it were empty, and "
                    + "\(bytes) were asked for")
        }
        throw .noSpace(
            "the pool has \(room.available(isThick: isThick)) bytes left for \(kind) volumes, reserve and promises kept, "
                + "and \(bytes) were asked for")
    }

    @inline(never)
    fileprivate func giveBack(_ bytes: Int64, isThick: Bool) {
        state.withLock { $0.promises.add(pending: -bytes, isThick: isThick) }
    }

    /// Takes room; the room that there is when it is not enough.
    @inline(never)
    private func tryReserve(_ bytes: Int64, _ isThick: Bool, _ disk: FileSystemCapacity) -> PoolRoom? {
        state.withLock { state in
            let room = self.room(disk, state)
            guard bytes <= room.available(isThick: isThick) else { return room }
            state.promises.add(pending: bytes, isThick: isThick)
            return nil
        }
    }

    @inline(never)
    private func room(_ disk: FileSystemCapacity) -> PoolRoom { state.withLock { room(disk, $0) } }

    private func room(_ disk: FileSystemCapacity, _ state: State) -> PoolRoom {
        // Shared blocks are counted once by the file system and twice here, hence at least 0.
        let foreign = max(0, Int128(disk.usedBytes) - state.usage.volumes - state.usage.snapshots)
        return PoolRoom(
            used: disk.usedBytes, available: disk.availableBytes, total: disk.totalBytes,
            foreign: Int64(clamping: foreign), snapshots: Int64(clamping: state.usage.snapshots),
            promises: state.promises, policy: policy ?? directories ?? PoolPolicy(reserve: .bytes(0)))
    }

    // MARK: Usage of images and directories

    /// So many volumes are looked at again for each question, in turn: what volumes write changes what they take.
    private static let turn = 64
    /// A look at all images of a large pool is good for this long.
    private static let measureInterval = Duration.seconds(10)

    /// Looks at the disk, at the images that are new, and at a few others.
    private func measure() async throws(CSIError) -> FileSystemCapacity {
        let disk = try await capacity()
        let turn = nextTurn()
        do throws(CSIError) {
            for volume in turn.volumes { note(volume: volume.id.rawValue, try await allocated(volume)) }
            for id in turn.snapshots { note(snapshot: id.rawValue, try await allocated(id)) }
        } catch {
            setCompleted(nil)
            throw error
        }
        if turn.isAll { setCompleted(host.clock.now) }
        return disk
    }

    // What locks is never inlined into a function that awaits: an optimised build would keep the address of a thread-local of
    // `Mutex` across the await, after which another thread may go on.

    /// The images that are to be looked at now.
    @inline(never)
    private func nextTurn() -> (volumes: [VolumeSummary], snapshots: [SnapshotID], isAll: Bool) {
        state.withLock { state in
            let isAll = state.usage.completedAt == nil
            if isAll { state.usage.cursor = nil }
            let (turn, hasMore) = state.volumes.page(after: state.usage.cursor, limit: isAll ? .max : Self.turn)
            state.usage.cursor = hasMore ? turn.last?.key : nil
            let volumes = Array(turn) + (isAll ? [] : state.usage.newVolumes.compactMap { state.volumes[$0] })
            let snapshots = isAll ? state.snapshots.all.filter(isImage).map(\.id) : state.usage.newSnapshots
            state.usage.newVolumes = []
            state.usage.newSnapshots = []
            return (volumes, snapshots, isAll)
        }
    }

    @inline(never)
    private func note(volume id: String, _ bytes: Int64) {
        state.withLock { state in
            state.usage.volumes += state.volumes.update(id) { $0.setAllocated(bytes) } ?? 0
        }
    }

    @inline(never)
    private func note(snapshot id: String, _ bytes: Int64) {
        state.withLock { state in
            state.usage.snapshots += state.snapshots.update(id) { $0.setAllocated(bytes) } ?? 0
        }
    }

    @inline(never)
    private func setCompleted(_ time: Duration?) {
        state.withLock { $0.usage.completedAt = time }
    }

    /// Has the next look go to all images, if the last one that did is some time ago.
    /// - Returns: Whether it will.
    @inline(never)
    private func measureAll() -> Bool {
        let now = host.clock.now
        return state.withLock { state in
            guard state.volumes.count > Self.turn, let last = state.usage.completedAt,
                now - last >= Self.measureInterval
            else { return false }
            state.usage.completedAt = nil
            return true
        }
    }

    private func allocated(_ volume: VolumeSummary) async throws(CSIError) -> Int64 {
        guard volume.content == .directory else {
            return try await allocated(in: PoolLayout.volume(volume.id.rawValue))
        }
        // A directory that nobody counts is taken to hold what was promised to it: then no byte counts twice, and what is
        // promised never exceeds what the file system has left.
        return try await quota(of: volume.id, volume.quota)?.usedBytes ?? volume.capacity
    }

    /// In a pool of images alone every snapshot is one.
    private func isImage(_ snapshot: SnapshotSummary) -> Bool { policy != nil || snapshot.content == .image }

    private func allocated(_ id: SnapshotID) async throws(CSIError) -> Int64 {
        guard let directory = directory(of: id) else { return 0 }
        return try await allocated(in: directory)
    }

    private func allocated(in directory: FilePath) async throws(CSIError) -> Int64 {
        let tree = try tree()
        return try await withHostErrors { () async throws(HostError) in
            try await tree.metadata(of: PoolLayout.image(in: directory))?.allocatedBytes ?? 0
        }
    }
}

extension VolumePool.State {
    /// Takes a volume out of the sums.
    mutating func forget(_ volume: VolumeSummary) {
        promises.remove(volume)
        usage.volumes -= Int128(volume.allocated)
    }
}

extension VolumeSummary {
    /// - Returns: By how much it changed.
    mutating func setAllocated(_ bytes: Int64) -> Int128 {
        defer { allocated = bytes }
        return Int128(bytes) - Int128(allocated)
    }
}

extension SnapshotSummary {
    /// - Returns: By how much it changed.
    mutating func setAllocated(_ bytes: Int64) -> Int128 {
        defer { allocated = bytes }
        return Int128(bytes) - Int128(allocated)
    }
}

/// Room that is kept for something that is being made; given back once, at the latest when the last reference goes.
///
/// Give it back after the thing is in the pool, where its own promise counts.
public final class PoolReservation: Sendable {
    private let pool: VolumePool
    private let bytes: Int64
    private let isThick: Bool
    private let isHeld = Guarded(true)

    init(pool: VolumePool, bytes: Int64, isThick: Bool) {
        self.pool = pool
        self.bytes = bytes
        self.isThick = isThick
    }

    deinit { release() }

    /// Gives the room back; a second call does nothing.
    public func release() {
        let wasHeld = isHeld.withLock { held in
            defer { held = false }
            return held
        }
        if wasHeld { pool.giveBack(bytes, isThick: isThick) }
    }
}
