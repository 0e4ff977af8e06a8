public import CSIHost
import CSILock

/// A clock that stands still until it is told to move.
///
/// Sleepers wake in the order of their times, each when the time has come to exactly its own, so what it then does sees the
/// right time. What a fake host itself has to wait for moves the clock on by as long as it waited.
public final class FakeClock: HostClock {
    private struct Sleeper {
        let id: Int
        let due: Duration
        let continuation: CheckedContinuation<Bool, Never>
    }

    private struct State {
        var now: Duration = .seconds(1000)
        /// What the date has beyond the monotonic time.
        var offset: Duration = .seconds(1_700_000_000)
        var lastID = 0
        var sleepers: [Sleeper] = []
        var cancelled: Set<Int> = []
        var isAutomatic = false
    }

    private let state = Guarded(State())

    init() {}

    /// The time since 1000 s before the host was made.
    public var now: Duration { state.withLock { $0.now } }

    /// The date, which begins at 2023-11-14 22:30:00 UTC.
    public var wallTime: WallTime {
        let time = state.withLock { $0.now + $0.offset }
        let (seconds, attoseconds) = time.components
        return WallTime(seconds: seconds, nanoseconds: Int32(attoseconds / 1_000_000_000))
    }

    /// How many tasks sleep.
    public var sleeperCount: Int { state.withLock { $0.sleepers.count } }

    /// Whether a sleeper moves the clock to its time itself, so that nobody ever waits.
    ///
    /// Leave it off where the driver guards work with a deadline: the guard would always win.
    public var isAutomatic: Bool {
        get { state.withLock { $0.isAutomatic } }
        set { state.withLock { $0.isAutomatic = newValue } }
    }

    /// Moves both clocks on, and wakes who has slept long enough.
    public func advance(by duration: Duration) {
        let end = now + max(.zero, duration)
        while let sleeper = next(until: end) { sleeper.continuation.resume(returning: true) }
    }

    /// Sets the date, forward or back, as an administrator or a time server does; the monotonic time goes on.
    public func setWallTime(_ time: WallTime) {
        state.withLock {
            $0.offset = .seconds(time.seconds) + .nanoseconds(Int64(time.nanoseconds)) - $0.now
        }
    }

    /// Suspends the task until the clock has been moved this far.
    public func sleep(for duration: Duration) async throws(CancellationError) {
        if Task.isCancelled { throw CancellationError() }
        if isAutomatic { return advance(by: duration) }
        let id = state.withLock { state in
            state.lastID += 1
            return state.lastID
        }
        let woken = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let resumed: Bool? = state.withLock { state in
                    if state.cancelled.remove(id) != nil { return false }
                    if duration <= .zero { return true }
                    state.sleepers.append(Sleeper(id: id, due: state.now + duration, continuation: continuation))
                    return nil
                }
                if let resumed { continuation.resume(returning: resumed) }
            }
        } onCancel: {
            cancel(id)
        }
        state.withLock { _ = $0.cancelled.remove(id) }
        guard woken else { throw CancellationError() }
    }

    /// Takes out the first sleeper that is due by a time, and moves the clock to its time; to that time when there is none.
    private func next(until end: Duration) -> Sleeper? {
        state.withLock { state in
            let first = state.sleepers.enumerated().min {
                ($0.element.due, $0.element.id) < ($1.element.due, $1.element.id)
            }
            guard let first, first.element.due <= end else {
                state.now = max(state.now, end)
                return nil
            }
            state.now = max(state.now, first.element.due)
            return state.sleepers.remove(at: first.offset)
        }
    }

    private func cancel(_ id: Int) {
        let sleeper: Sleeper? = state.withLock { state in
            guard let index = state.sleepers.firstIndex(where: { $0.id == id }) else {
                state.cancelled.insert(id)
                return nil
            }
            return state.sleepers.remove(at: index)
        }
        sleeper?.continuation.resume(returning: false)
    }
}
