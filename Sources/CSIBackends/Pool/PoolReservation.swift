import CSILock

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
