import CSICore
import CSILock

/// Who may copy now: copies take as long as their data does, and each takes a thread.
///
/// Only a few go on at once, so that they never take all threads; the others wait in the order of arrival, without a thread.
final class CopyTurns: Sendable {
    /// How many copies go on at once.
    static let limit = 4

    private struct State {
        var running = 0
        /// Those that have asked and do not wait yet; one that is cancelled then is not among them any more.
        var arriving: Set<Int> = []
        var waiting: [(id: Int, continuation: CheckedContinuation<Bool, Never>)] = []
        var lastID = 0
    }

    private let state = Guarded(State())

    /// Does some work when its turn comes; the work does not ask for another turn.
    /// - Throws: What the work throws; CANCELLED when the task was cancelled before its turn came.
    func take<Answer>(_ work: () async throws(CSIError) -> Answer) async throws(CSIError) -> Answer {
        guard await wait(as: arrive()) else { throw .cancelled("nobody wants the copy any more; it had not begun") }
        defer { pass() }
        return try await work()
    }

    /// - Returns: Whether the turn has come; false when the task was cancelled first.
    private func wait(as id: Int) async -> Bool {
        await withTaskCancellationHandler {
            await withCheckedContinuation { wait(continuation: $0, as: id) }
        } onCancel: {
            cancel(id)
        }
    }

    // The lock is never taken in a function that awaits: see ``VolumePool/tree()``.

    @inline(never)
    private func arrive() -> Int {
        state.withLock { state in
            state.lastID += 1
            state.arriving.insert(state.lastID)
            return state.lastID
        }
    }

    @inline(never)
    private func wait(continuation: CheckedContinuation<Bool, Never>, as id: Int) {
        let answer: Bool? = state.withLock { state in
            guard state.arriving.remove(id) != nil else { return false }
            guard state.running < Self.limit else {
                state.waiting.append((id, continuation))
                return nil
            }
            state.running += 1
            return true
        }
        if let answer { continuation.resume(returning: answer) }
    }

    @inline(never)
    private func cancel(_ id: Int) {
        let continuation: CheckedContinuation<Bool, Never>? = state.withLock { state in
            guard state.arriving.remove(id) == nil, let index = state.waiting.firstIndex(where: { $0.id == id }) else {
                return nil
            }
            return state.waiting.remove(at: index).continuation
        }
        continuation?.resume(returning: false)
    }

    /// Gives the turn to whoever waits longest.
    @inline(never)
    private func pass() {
        let next: CheckedContinuation<Bool, Never>? = state.withLock { state in
            guard state.waiting.isEmpty else { return state.waiting.removeFirst().continuation }
            state.running -= 1
            return nil
        }
        next?.resume(returning: true)
    }
}
