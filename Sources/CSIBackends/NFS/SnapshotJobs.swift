import CSICore
import CSIHost
import CSILock

/// Snapshots that are being copied, and those who wait for them.
final class SnapshotJobs: Sendable {
    typealias Outcome = Result<NFSSnapshotRecord, CSIError>

    private struct Job {
        let record: NFSSnapshotRecord
        var waiters: [Int: CheckedContinuation<Outcome?, Never>] = [:]
    }

    private struct State {
        var jobs: [SnapshotID: Job] = [:]
        var lastWaiter = 0
    }

    private let state = Guarded(State())

    func isRunning(_ id: SnapshotID) -> Bool { state.withLock { $0.jobs[id] != nil } }

    /// What a running job is to make; nil when there is none.
    func record(_ id: SnapshotID) -> NFSSnapshotRecord? { state.withLock { $0.jobs[id]?.record } }

    /// Starts a job, which goes on whether anybody waits for it or not, and waits for it until it ends or the time is over.
    /// - Parameter timeout: Returns when the time is over, or when its task is cancelled.
    /// - Returns: How it ended; nil while it runs.
    func run(
        _ record: NFSSnapshotRecord, until timeout: @escaping @Sendable () async -> Void,
        _ work: @escaping @Sendable () async throws(CSIError) -> Void
    ) async -> Outcome? {
        await waiting(for: record.id, until: timeout) { [self] number, continuation in
            state.withLock { $0.jobs[record.id] = Job(record: record, waiters: [number: continuation]) }
            Task {
                let outcome: Outcome
                do throws(CSIError) {
                    try await work()
                    outcome = .success(record)
                } catch {
                    outcome = .failure(error)
                }
                let waiters = state.withLock { $0.jobs.removeValue(forKey: record.id)?.waiters ?? [:] }
                for waiter in waiters.values { waiter.resume(returning: outcome) }
            }
        }
    }

    /// Waits for a running job until it ends or the time is over.
    /// - Returns: How it ended; nil while it runs, or when there is none.
    func wait(_ id: SnapshotID, until timeout: @escaping @Sendable () async -> Void) async -> Outcome? {
        await waiting(for: id, until: timeout) { [self] number, continuation in
            let isWaiting = state.withLock { state in
                guard state.jobs[id] != nil else { return false }
                state.jobs[id]?.waiters[number] = continuation
                return true
            }
            if !isWaiting { continuation.resume(returning: nil) }
        }
    }

    private func waiting(
        for id: SnapshotID, until timeout: @escaping @Sendable () async -> Void,
        _ register: (Int, CheckedContinuation<Outcome?, Never>) -> Void
    ) async -> Outcome? {
        let number = state.withLock { state in
            state.lastWaiter += 1
            return state.lastWaiter
        }
        let timer = Task { [self] in
            await timeout()
            let waiter = state.withLock { $0.jobs[id]?.waiters.removeValue(forKey: number) }
            waiter?.resume(returning: nil)
        }
        defer { timer.cancel() }
        return await withCheckedContinuation { register(number, $0) }
    }
}
