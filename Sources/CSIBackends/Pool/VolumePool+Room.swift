public import CSICore
import CSIHost
import Synchronization
import SystemPackage

/// Room for images and directories.
extension VolumePool {
    /// The room that is left, all promises kept.
    public func room() async throws(CSIError) -> PoolRoom {
        let measured = try await measure()
        return state.withLock { room(measured, $0.promises) }
    }

    /// Takes room for a volume that is about to be made or to grow, until the reservation is given back.
    /// - Throws: OUT_OF_RANGE when the pool could never hold it, RESOURCE_EXHAUSTED when it cannot now.
    public func reserve(_ bytes: Int64, isThick: Bool) async throws(CSIError) -> PoolReservation {
        let measured = try await measure()
        let room: PoolRoom? = state.withLock { state in
            let room = self.room(measured, state.promises)
            guard bytes > room.available(isThick: isThick) else {
                state.promises.add(pending: bytes, isThick: isThick)
                return nil
            }
            return room
        }
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

    fileprivate func giveBack(_ bytes: Int64, isThick: Bool) {
        state.withLock { $0.promises.add(pending: -bytes, isThick: isThick) }
    }

    /// What only the disk knows.
    private struct Measured: Sendable {
        let disk: FileSystemCapacity
        let images: MeasuredImages
    }

    /// A pool with more images than this is not looked through for every call.
    private static let smallPool = 1000
    /// The same for one of directories, which are made faster.
    private static let smallDirectoryPool = 32
    /// How long a look through a large pool is good; what volumes write meanwhile changes nothing in it.
    private static let measureInterval = Duration.seconds(10)

    private func room(_ measured: Measured, _ promises: PoolPromises) -> PoolRoom {
        PoolRoom(
            used: measured.disk.usedBytes, available: measured.disk.availableBytes, total: measured.disk.totalBytes,
            foreign: measured.images.foreign, snapshots: measured.images.snapshots, promises: promises,
            policy: policy ?? directories ?? PoolPolicy(reserve: .bytes(0)))
    }

    private func measure() async throws(CSIError) -> Measured {
        let tree = try tree()
        let disk = try await withHostErrors { () async throws(HostError) in try await tree.capacity() }
        let now = host.clock.now
        let (volumes, snapshots, known) = state.withLock { ($0.volumes.all, $0.snapshots.all, $0.images) }
        let isSmall = volumes.count + snapshots.count <= (policy == nil ? Self.smallDirectoryPool : Self.smallPool)
        if let known, !isSmall, now - known.time < Self.measureInterval {
            return Measured(disk: disk, images: known)
        }
        let images = try await withHostErrors { () async throws(HostError) in
            var ofVolumes: Int128 = 0
            for volume in volumes where volume.content == .image {
                let image = PoolLayout.image(in: PoolLayout.volume(volume.id.rawValue))
                ofVolumes += Int128(try await tree.metadata(of: image)?.allocatedBytes ?? 0)
            }
            let isCounted = volumes.count <= Self.smallPool
            for volume in volumes where volume.content == .directory {
                // Of one that nobody counts, and of very many, we assume that it holds what was promised to it: then no
                // byte counts twice, and what is promised never exceeds what the file system has left.
                let data = PoolLayout.data(in: PoolLayout.volume(volume.id.rawValue))
                let held = isCounted && volume.quota != nil ? try await tree.quota(of: data)?.usedBytes : nil
                ofVolumes += Int128(held ?? volume.capacity)
            }
            var ofSnapshots: Int128 = 0
            for snapshot in snapshots {
                let image = PoolLayout.image(in: PoolLayout.snapshot(snapshot.id.rawValue))
                ofSnapshots += Int128(try await tree.metadata(of: image)?.allocatedBytes ?? 0)
            }
            // Shared blocks are counted once by the file system and twice here, hence at least 0.
            let foreign = max(0, Int128(disk.usedBytes) - ofVolumes - ofSnapshots)
            return MeasuredImages(
                foreign: Int64(clamping: foreign), snapshots: Int64(clamping: ofSnapshots), time: now)
        }
        state.withLock { $0.images = images }
        return Measured(disk: disk, images: images)
    }
}

/// Room that is kept for something that is being made; given back once, at the latest when the last reference goes.
///
/// Give it back after the thing is in the pool, where its own promise counts.
public final class PoolReservation: Sendable {
    private let pool: VolumePool
    private let bytes: Int64
    private let isThick: Bool
    private let isHeld = Mutex(true)

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
