public import CSICore
import CSIHost
import CSILock
import Logging
import SystemPackage

/// Room for images and directories.
extension VolumePool {
    /// The room that is left, all promises kept, those of other pools on the same file system too.
    public func room() async throws(CSIError) -> PoolRoom {
        let disk = try await measure()
        let shared = sharedRoom()
        return room(disk, promised: promised(by: pools(sharing: shared)))
    }

    /// Has pools of one process count each other's promises where they lie on one file system.
    ///
    /// The pools are open, and nobody has asked for room yet. What each takes of it is the only thing that they share.
    public static func shareRoom(of pools: [VolumePool]) {
        let groups = Dictionary(grouping: pools) { $0.identity?.device }
        for (device, group) in groups where device != nil && group.count > 1 {
            let shared = SharedRoom(group)
            for pool in group { pool.setSharedRoom(shared) }
        }
    }

    /// Takes room for a volume that is about to be made or to grow, until the reservation is given back.
    /// - Parameters:
    ///   - bytes: What is taken.
    ///   - isThick: Whether all of it is used at once.
    ///   - size: The size that the volume will have; nil for the bytes that are taken.
    /// - Throws: OUT_OF_RANGE when the pool could never hold it, RESOURCE_EXHAUSTED when it cannot now.
    public func reserve(
        _ bytes: Int64, isThick: Bool, size: Int64? = nil
    ) async throws(CSIError) -> PoolReservation {
        let (reservation, room) = try await take(bytes, isThick: isThick)
        if let reservation { return reservation }
        let kind = isThick ? "thick" : "thin"
        let size = size ?? bytes
        guard size <= room.largest(isThick: isThick) else {
            throw .impossibleCapacity(
                "the pool could hold \(room.largest(isThick: isThick)) bytes of \(kind) volumes if it were empty, and "
                    + "\(size) were asked for")
        }
        throw .noSpace(
            "the pool has \(room.available(isThick: isThick)) bytes left for \(kind) volumes, reserve and promises kept, "
                + "and \(bytes) more were asked for")
    }

    /// Takes room for a copy of what a volume holds, until the reservation is given back.
    /// - Throws: RESOURCE_EXHAUSTED: a copy has no other size that would fit better.
    public func reserveCopy(_ bytes: Int64) async throws(CSIError) -> PoolReservation {
        let (reservation, room) = try await take(bytes, isThick: true)
        if let reservation { return reservation }
        throw .noSpace(
            "the pool has \(room.available(isThick: true)) bytes left for copies, reserve and promises kept, and the copy "
                + "can take \(bytes)")
    }

    /// Takes room whether it is there or not, for what was begun earlier.
    @inline(never)
    func reserveAnyway(_ bytes: Int64) -> PoolReservation {
        state.withLock { $0.promises.add(pending: bytes, isThick: true) }
        return PoolReservation(pool: self, bytes: bytes, isThick: true)
    }

    /// - Returns: The reservation, or nil with the room that there is.
    private func take(
        _ bytes: Int64, isThick: Bool
    ) async throws(CSIError) -> (reservation: PoolReservation?, room: PoolRoom) {
        var (isTaken, room) = tryReserve(bytes, isThick, try await measure())
        // What volumes wrote since they were looked at counts twice until they are looked at again.
        if !isTaken, measureAll() {
            (isTaken, room) = tryReserve(bytes, isThick, try await measure())
        }
        return (isTaken ? PoolReservation(pool: self, bytes: bytes, isThick: isThick) : nil, room)
    }

    @inline(never)
    func giveBack(_ bytes: Int64, isThick: Bool) {
        state.withLock { $0.promises.add(pending: -bytes, isThick: isThick) }
    }

    /// Takes room, where it is enough.
    /// - Returns: Whether it was, and the room that there was before.
    @inline(never)
    private func tryReserve(
        _ bytes: Int64, _ isThick: Bool, _ disk: FileSystemCapacity
    ) -> (isTaken: Bool, room: PoolRoom) {
        guard let shared = sharedRoom() else { return tryReserve(bytes, isThick, disk, promised: 0) }
        // No other pool takes room between the look at its promises and the promise of this one.
        return shared.gate.withLock { _ in
            tryReserve(bytes, isThick, disk, promised: promised(by: pools(sharing: shared)))
        }
    }

    private func tryReserve(
        _ bytes: Int64, _ isThick: Bool, _ disk: FileSystemCapacity, promised: Int128
    ) -> (isTaken: Bool, room: PoolRoom) {
        state.withLock { state in
            let room = self.room(disk, state, promised: promised)
            let isEnough = bytes <= room.available(isThick: isThick)
            if isEnough { state.promises.add(pending: bytes, isThick: isThick) }
            return (isEnough, room)
        }
    }

    @inline(never)
    private func room(_ disk: FileSystemCapacity, promised: Int128) -> PoolRoom {
        state.withLock { room(disk, $0, promised: promised) }
    }

    private func room(_ disk: FileSystemCapacity, _ state: State, promised: Int128) -> PoolRoom {
        // Shared blocks are counted once by the file system and twice here, hence at least 0.
        let foreign = max(0, Int128(disk.usedBytes) - state.usage.volumes - state.usage.snapshots)
        return PoolRoom(
            used: disk.usedBytes, available: disk.availableBytes, total: disk.totalBytes,
            foreign: Int64(clamping: foreign + promised), snapshots: Int64(clamping: state.usage.snapshots),
            promises: state.promises, policy: givenOut)
    }

    /// How room is given out.
    private var givenOut: PoolPolicy { policy ?? directories ?? PoolPolicy(reserve: .bytes(0)) }

    // MARK: Pools on one file system

    @inline(never)
    private func sharedRoom() -> SharedRoom? { shared.withLock { $0 } }

    @inline(never)
    private func setSharedRoom(_ room: SharedRoom) { shared.withLock { $0 = room } }

    private func pools(sharing room: SharedRoom?) -> [VolumePool] {
        room.map { $0.pools.filter { $0 !== self } } ?? []
    }

    /// What the volumes of other pools may still write: what they have written is used already.
    private func promised(by pools: [VolumePool]) -> Int128 { pools.reduce(0) { $0 + $1.unwritten() } }

    @inline(never)
    private func unwritten() -> Int128 {
        state.withLock { state in
            let committed = state.promises.committed(overcommitPercent: givenOut.overcommitPercent)
            return max(0, committed - state.usage.volumes)
        }
    }

    // MARK: Usage of images and directories

    /// So many volumes are looked at again for a question, in turn: what volumes write changes what they take.
    private static let turn = 64
    /// So many for a question that follows another one within this time, as when volumes are made one after the other.
    private static let (hastyTurn, haste) = (4, Duration.milliseconds(100))
    /// A look at all images of a large pool is good for this long.
    private static let measureInterval = Duration.seconds(10)

    /// Looks at the disk, at the images that are new, and at a few others; and at those of the pools that share the disk.
    private func measure() async throws(CSIError) -> FileSystemCapacity {
        let disk = try await capacity()
        await lookAtImages()
        for other in pools(sharing: sharedRoom()) { await other.lookAtImages() }
        return disk
    }

    /// Looks at some images; one that cannot be looked at takes what it took the last time.
    private func lookAtImages() async {
        let turn = nextTurn()
        var failures = 0
        var first: CSIError?
        for volume in turn.volumes {
            do throws(CSIError) {
                let bytes = try await allocated(volume)
                if bytes != volume.allocated { note(volume: volume.id.rawValue, bytes) }
            } catch {
                failures += 1
                first = first ?? error
            }
        }
        for id in turn.snapshots {
            do throws(CSIError) {
                note(snapshot: id.rawValue, try await allocated(id))
            } catch {
                failures += 1
                first = first ?? error
            }
        }
        if turn.isAll { setCompleted(host.clock.now) }
        guard let first else { return }
        logger.warning(
            "what some volumes and snapshots take cannot be read; it counts as before",
            metadata: ["pool": "\(path)", "count": "\(failures)", "first": "\(first.message)"])
    }

    // What locks is never inlined into a function that awaits: an optimised build would keep the address of a thread-local of
    // `Mutex` across the await, after which another thread may go on.

    /// The images that are to be looked at now.
    @inline(never)
    private func nextTurn() -> (volumes: [VolumeSummary], snapshots: [SnapshotID], isAll: Bool) {
        let now = host.clock.now
        return state.withLock { state in
            let isAll = state.usage.completedAt == nil
            if isAll { state.usage.cursor = nil }
            let isHasty = state.usage.turnAt.map { now - $0 < Self.haste } ?? false
            if !isHasty { state.usage.turnAt = now }
            let limit = isAll ? .max : isHasty ? Self.hastyTurn : Self.turn
            let (turn, hasMore) = state.volumes.page(after: state.usage.cursor, limit: limit)
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
    private func measureAll() -> Bool {
        var goes = expireLook()
        for other in pools(sharing: sharedRoom()) where other.expireLook() { goes = true }
        return goes
    }

    @inline(never)
    private func expireLook() -> Bool {
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
            // What a growth that was cut off has taken beyond is nobody's promise yet, so it counts as what others have.
            return min(volume.capacity, try await allocated(in: PoolLayout.volume(volume.id.rawValue)))
        }
        // What a directory holds that nobody counts looks like something foreign, so it counts beside what was promised to it:
        // twice rather than not at all, since what others have on the file system may be just as much.
        return try await quota(of: volume.id, volume.quota)?.usedBytes ?? 0
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
