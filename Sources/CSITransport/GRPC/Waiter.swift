import CSILock

/// A task that waits for its call to have a message, or room for one.
///
/// Made by the task, resumed once, by whichever comes first: the call, or the task's cancellation.
final class Waiter: Sendable {
    private struct State {
        var continuation: CheckedContinuation<Void, Never>?
        var isResumed = false
    }

    private let state = Guarded(State())

    /// Waits until `resume()`, calling `register` once it may come.
    func wait(_ register: (Waiter) -> Void) async {
        await withTaskCancellationHandler {
            await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
                let isResumed = state.withLock { state in
                    if !state.isResumed { state.continuation = continuation }
                    return state.isResumed
                }
                if isResumed { continuation.resume() } else { register(self) }
            }
        } onCancel: {
            resume()
        }
    }

    /// Lets the task go on.
    func resume() {
        let continuation = state.withLock { state in
            let stored = state.continuation
            state = State(isResumed: true)
            return stored
        }
        continuation?.resume()
    }
}
