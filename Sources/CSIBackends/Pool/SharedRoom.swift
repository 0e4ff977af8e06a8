import CSILock

/// The pools of one process that lie on one file system, whose room they give out together.
final class SharedRoom: Sendable {
    private struct Member: Sendable {
        // The pools hold this, and end with their driver.
        weak var pool: VolumePool?
    }

    private let members: [Member]

    /// Held while one of the pools takes room, outside of their own locks.
    let gate = Guarded(())

    init(_ pools: [VolumePool]) {
        members = pools.map { Member(pool: $0) }
    }

    var pools: [VolumePool] { members.compactMap(\.pool) }
}
