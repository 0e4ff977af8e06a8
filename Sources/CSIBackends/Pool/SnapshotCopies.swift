import CSICore
import CSIHost
import CSILock
import CoreMetrics

/// Copies of directory trees that go on when the call that began them has been answered.
///
/// Each waits for its turn, and can be cancelled while it does.
final class SnapshotCopies: Sendable {
    private struct State {
        var copies: [SnapshotID: SnapshotCopy] = [:]
        /// Why copies have failed, for whoever asks next.
        var failures: [SnapshotID: CSIError] = [:]
        /// How many volumes are being made from each snapshot.
        var readers: [SnapshotID: Int] = [:]
    }

    /// Which copies of the pool go on now: these, and others that a call waits for.
    let turns = CopyTurns()

    private let state = Guarded(State())
    private let count = Meter(label: "csi_pool_snapshot_copies")
    private let copiedBytes = Counter(label: "csi_pool_snapshot_copied_bytes")

    /// The copy of a snapshot, if one is going on.
    subscript(id: SnapshotID) -> SnapshotCopy? { state.withLock { $0.copies[id] } }

    /// The snapshots that are being copied from a volume.
    func copies(from volume: VolumeID) -> [SnapshotID] {
        state.withLock { $0.copies.filter { $0.value.source == volume }.map(\.key).sorted() }
    }

    /// Begins a copy, or finds the one that is going on.
    /// - Parameter work: Makes the copy; it is cancelled with ``SnapshotCopy/cancel()``.
    func begin(
        _ id: SnapshotID, from source: VolumeID, work: @escaping @Sendable (SnapshotCopy) async throws(CSIError) -> Void
    ) -> SnapshotCopy {
        let (copy, isNew) = state.withLock { state in
            if let copy = state.copies[id] { return (copy, false) }
            let copy = SnapshotCopy(source: source) { [copiedBytes] in copiedBytes.increment(by: $0) }
            state.copies[id] = copy
            count.set(state.copies.count)
            state.failures[id] = nil
            return (copy, true)
        }
        guard isNew else { return copy }
        // Where the caller runs, which is where system calls may block.
        let executor = withUnsafeCurrentTask { $0?.unownedTaskExecutor?.asTaskExecutor() }
        copy.run(
            Task(executorPreference: executor) { [weak self, turns] in
                var outcome: Result<Void, CSIError>
                do throws(CSIError) {
                    try await turns.take { () async throws(CSIError) in try await work(copy) }
                    outcome = .success(())
                } catch {
                    outcome = .failure(error)
                }
                self?.end(id, outcome)
                copy.finish(outcome)
            })
        return copy
    }

    /// Why a copy has failed; told once.
    func takeFailure(of id: SnapshotID) -> CSIError? {
        state.withLock { $0.failures.removeValue(forKey: id) }
    }

    /// Keeps a snapshot from going while a volume is made from it.
    func addReader(of id: SnapshotID) {
        state.withLock { $0.readers[id, default: 0] += 1 }
    }

    /// Lets a snapshot go again.
    func removeReader(of id: SnapshotID) {
        state.withLock { state in
            let left = state.readers[id, default: 1] - 1
            state.readers[id] = left > 0 ? left : nil
        }
    }

    /// Whether a volume is being made from a snapshot.
    func isRead(_ id: SnapshotID) -> Bool {
        state.withLock { $0.readers[id] != nil }
    }

    private func end(_ id: SnapshotID, _ outcome: Result<Void, CSIError>) {
        state.withLock { state in
            state.copies[id] = nil
            count.set(state.copies.count)
            if case .failure(let error) = outcome { state.failures[id] = error }
        }
    }
}

/// One copy that is going on.
final class SnapshotCopy: Sendable {
    private struct State {
        var task: Task<Void, Never>?
        var isCancelled = false
        var outcome: Result<Void, CSIError>?
        var waiters: [Int: CheckedContinuation<Result<Void, CSIError>?, Never>] = [:]
        /// Waiters whose time was over before they waited.
        var late: Set<Int> = []
        var lastWaiter = 0
        var copiedBytes: Int64 = 0
    }

    /// The volume that is copied.
    let source: VolumeID
    private let state = Guarded(State())
    private let reportBytes: @Sendable (Int64) -> Void

    /// - Parameter reportBytes: Is told how many more bytes have been copied.
    init(source: VolumeID, reportBytes: @escaping @Sendable (Int64) -> Void) {
        self.source = source
        self.reportBytes = reportBytes
    }

    /// Notes how far the copy has come.
    func note(_ progress: TreeCopyProgress) {
        let more = state.withLock { state in
            defer { state.copiedBytes = progress.copiedBytes }
            return progress.copiedBytes - state.copiedBytes
        }
        if more > 0 { reportBytes(more) }
    }

    /// Stops the copy soon; it ends in its own time.
    func cancel() {
        let task = state.withLock { state in
            state.isCancelled = true
            return state.task
        }
        task?.cancel()
    }

    /// Waits until the copy has ended, or for as long as a caller will; nil when it goes on.
    func wait(atMost limit: Duration? = nil, on clock: any HostClock) async -> Result<Void, CSIError>? {
        let number = state.withLock { state in
            state.lastWaiter += 1
            return state.lastWaiter
        }
        let executor = withUnsafeCurrentTask { $0?.unownedTaskExecutor?.asTaskExecutor() }
        let timer = limit.map { limit in
            Task(executorPreference: executor) {
                do throws(CancellationError) {
                    try await clock.sleep(for: limit)
                } catch {
                    return
                }
                self.giveUp(number)
            }
        }
        defer { timer?.cancel() }
        return await withCheckedContinuation { continuation in
            let known: Result<Void, CSIError>?? = state.withLock { state in
                if let outcome = state.outcome { return .some(outcome) }
                if state.late.remove(number) != nil { return .some(nil) }
                state.waiters[number] = continuation
                return nil
            }
            if let known { continuation.resume(returning: known) }
        }
    }

    fileprivate func run(_ task: Task<Void, Never>) {
        let isCancelled = state.withLock { state in
            if state.outcome == nil { state.task = task }
            return state.isCancelled
        }
        if isCancelled { task.cancel() }
    }

    fileprivate func finish(_ outcome: Result<Void, CSIError>) {
        let waiters = state.withLock { state in
            state.outcome = outcome
            state.task = nil
            defer { state.waiters = [:] }
            return state.waiters
        }
        for (_, waiter) in waiters.sorted(by: { $0.key < $1.key }) { waiter.resume(returning: outcome) }
    }

    private func giveUp(_ number: Int) {
        let waiter = state.withLock { state in
            let waiter = state.waiters.removeValue(forKey: number)
            if waiter == nil, state.outcome == nil { state.late.insert(number) }
            return waiter
        }
        waiter?.resume(returning: nil)
    }
}
