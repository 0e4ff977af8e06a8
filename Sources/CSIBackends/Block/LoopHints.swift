import CSICore
import CSIHost
import CSILock

/// Which loop device a volume had when it was last seen: where to look first, never what to believe.
///
/// With it the cost of a look does not grow with the number of devices on the node.
///
/// Nothing here is inlined into functions that await: an optimised build would keep the address of a thread-local of `Mutex` across
/// the await, after which another thread may go on.
final class LoopHints: Sendable {
    private struct State {
        var numbers: [VolumeID: Int] = [:]
        var foreignCount = 0
        var countedAt: Duration?
    }

    private let state = Guarded(State())

    subscript(id: VolumeID) -> Int? {
        @inline(never) get { state.withLock { $0.numbers[id] } }
        @inline(never) set { state.withLock { $0.numbers[id] = newValue } }
    }

    /// How many devices were not of this pool when all were last looked at.
    var foreignCount: Int {
        @inline(never) get { state.withLock { $0.foreignCount } }
    }

    /// When all devices were last looked at, on the host's clock; nil for never.
    var countedAt: Duration? {
        @inline(never) get { state.withLock { $0.countedAt } }
    }

    /// Notes what a look at all devices found.
    /// - Parameters:
    ///   - own: The devices of this pool.
    ///   - foreignCount: How many others there are.
    @inline(never)
    func note(_ own: [(id: VolumeID, number: Int)], foreignCount: Int, at time: Duration) {
        state.withLock { state in
            state.numbers = Dictionary(own.map { ($0.id, $0.number) }) { first, _ in first }
            state.foreignCount = foreignCount
            state.countedAt = time
        }
    }
}
