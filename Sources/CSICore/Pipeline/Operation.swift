import CSILock

/// A running operation: what it holds, since when, and who waits for its answer.
///
/// The work belongs to the operation and not to any waiter: a waiter that gives up leaves, the work goes on, and the
/// keys stay held until it has ended.
final class Operation<Reply: Sendable>: InFlightOperation {
    typealias Outcome = Result<Reply, CSIError>

    let call: Call
    let keys: [OperationKey]
    let sharedKeys: [OperationKey]
    let startedAt: ContinuousClock.Instant
    /// The validated request; an equal one may join.
    let request: any Sendable
    let isMaking: Bool

    private struct State {
        var outcome: Outcome?
        var waiters: [Int: CheckedContinuation<Outcome, Never>] = [:]
        /// Waiters that gave up before they were registered.
        var abandoned: Set<Int> = []
        var nextWaiter = 0
        var work: Task<Void, Never>?
        var isEnded = false
    }

    private let state = Guarded(State())

    init(
        call: Call, keys: [OperationKey], sharedKeys: [OperationKey], request: any Sendable, isMaking: Bool = false,
        startedAt: ContinuousClock.Instant
    ) {
        self.call = call
        self.keys = keys
        self.sharedKeys = sharedKeys
        self.request = request
        self.isMaking = isMaking
        self.startedAt = startedAt
    }

    /// Waits for the answer, or until the calling task is cancelled.
    func wait() async -> Outcome {
        let number = state.withLock { state in
            state.nextWaiter += 1
            return state.nextWaiter
        }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let immediate: Outcome? = state.withLock { state in
                    if let outcome = state.outcome { return outcome }
                    if state.abandoned.remove(number) != nil { return self.givenUp }
                    state.waiters[number] = continuation
                    return nil
                }
                if let immediate { continuation.resume(returning: immediate) }
            }
        } onCancel: {
            let waiter = state.withLock { state in
                let waiter = state.waiters.removeValue(forKey: number)
                if waiter == nil, state.outcome == nil { state.abandoned.insert(number) }
                return waiter
            }
            waiter?.resume(returning: givenUp)
        }
    }

    /// Names the task that does the work.
    func begin(_ work: Task<Void, Never>) {
        let isEnded = state.withLock { state in
            state.work = work
            return state.isEnded
        }
        if isEnded { work.cancel() }
    }

    func end() {
        let work = state.withLock { state in
            state.isEnded = true
            return state.work
        }
        work?.cancel()
    }

    /// How many callers wait for the answer.
    var waiterCount: Int { state.withLock { $0.waiters.count } }

    /// Records the answer and wakes everybody who waits.
    func finish(_ outcome: Outcome) {
        let waiters = state.withLock { state in
            state.outcome = outcome
            state.work = nil
            state.abandoned = []
            defer { state.waiters = [:] }
            return state.waiters
        }
        // In the order of arrival: a dictionary's own order differs from run to run.
        for (_, waiter) in waiters.sorted(by: { $0.key < $1.key }) { waiter.resume(returning: outcome) }
    }

    private var givenUp: Outcome {
        .failure(.cancelled("the caller gave up waiting; \(method) goes on and holds its keys until it ends"))
    }
}

/// An operation without the type of its answer.
protocol InFlightOperation: AnyObject, Sendable {
    /// The call that began it.
    var call: Call { get }
    var keys: [OperationKey] { get }
    var sharedKeys: [OperationKey] { get }
    var startedAt: ContinuousClock.Instant { get }
    var waiterCount: Int { get }
    /// Whether a request to delete what it makes may end it.
    var isMaking: Bool { get }
    /// Cancels the work, which still ends in its own time and then frees its keys.
    func end()
}

extension InFlightOperation {
    /// The name of the method.
    var method: String { call.method }
}
