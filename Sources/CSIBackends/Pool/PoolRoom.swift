import CSICore

/// What the volumes of a pool have been promised, in bytes.
struct PoolPromises: Sendable {
    /// To thick volumes, whose room has been taken.
    private(set) var thick: Int128 = 0
    /// To thin volumes, whether they have written anything or not.
    private(set) var thin: Int128 = 0
    /// To volumes and snapshots that are being made.
    var pendingThick: Int128 = 0
    var pendingThin: Int128 = 0
    /// What must be there for all of them, where so many hundredths of the room of thin ones are promised.
    func committed(overcommitPercent: Int64) -> Int128 {
        thick + pendingThick + (thin + pendingThin) * 100 / Int128(overcommitPercent)
    }
    /// To all volumes that there are.
    var total: Int64 { Int64(clamping: thick + thin) }

    mutating func add(_ volume: VolumeSummary) {
        if volume.isThick { thick += Int128(volume.capacity) } else { thin += Int128(volume.capacity) }
    }

    mutating func remove(_ volume: VolumeSummary) {
        if volume.isThick { thick -= Int128(volume.capacity) } else { thin -= Int128(volume.capacity) }
    }

    mutating func add(pending bytes: Int64, isThick: Bool) {
        if isThick { pendingThick += Int128(bytes) } else { pendingThin += Int128(bytes) }
    }
}

/// What the images of a pool took of the disk when each was last looked at, kept as sums so that nobody has to add them up.
struct ImageUsage: Sendable {
    /// The bytes that the images of volumes take.
    var volumes: Int128 = 0
    /// The bytes that snapshots hold.
    var snapshots: Int128 = 0
    /// Images that came since the last look.
    var newVolumes: [String] = []
    var newSnapshots: [SnapshotID] = []
    /// After which volume the next ones are looked at again.
    var cursor: String?
    /// When many were looked at the last time, on the host's clock; nil for never.
    var turnAt: Duration?
    /// When all were looked at the last time, on the host's clock; nil for never.
    var completedAt: Duration?
}

/// The room of a pool at one moment.
///
/// The worst that can happen is that every volume is written in full and shares no block with a snapshot any more. So the
/// promises to volumes count in full, what snapshots hold counts as well, and what else is on the file system is seen
/// as what remains of its used bytes. Thin promises count less where the operator overcommits.
public struct PoolRoom: Sendable, Hashable {
    /// What could be promised if the pool were empty.
    let usable: Int64
    /// What is left of it after all promises.
    let uncommitted: Int64
    /// What the file system has left now, without the reserve.
    public let free: Int64
    /// See ``PoolPolicy/overcommitPercent``.
    let overcommitPercent: Int64

    init(
        used: Int64, available: Int64, total: Int64, foreign: Int64, snapshots: Int64, promises: PoolPromises,
        policy: PoolPolicy
    ) {
        let reserve = policy.reservedBytes(of: total)
        // Blocks that the file system keeps for root are in the total and in nobody's reach.
        let reachable = Int128(used) + Int128(available) - Int128(reserve)
        let committed = promises.committed(overcommitPercent: policy.overcommitPercent) + Int128(snapshots)
        usable = Int64(clamping: max(0, reachable))
        free = Int64(clamping: max(0, Int128(available) - Int128(reserve)))
        uncommitted = Int64(clamping: max(0, reachable - Int128(foreign) - committed))
        overcommitPercent = policy.overcommitPercent
    }

    /// The largest volume that can be made now.
    public func available(isThick: Bool) -> Int64 {
        if isThick { return min(free, uncommitted) }
        return free > 0 ? overcommitted(uncommitted) : 0
    }

    /// The largest volume that the pool could hold if it were empty.
    public func largest(isThick: Bool) -> Int64 {
        isThick ? usable : overcommitted(usable)
    }

    private func overcommitted(_ bytes: Int64) -> Int64 {
        Int64(clamping: Int128(bytes) * Int128(overcommitPercent) / 100)
    }
}
