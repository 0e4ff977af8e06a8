import CSILock

/// Calls in a driver's handler that hold no keys, so that a report shows them too.
final class UnkeyedCalls: Sendable {
    private let calls = Guarded<[UInt64: Call]>([:])

    /// Runs `body`; the call is listed until it has ended.
    func run<Reply>(
        _ call: Call, _ body: () async throws(CSIError) -> Reply
    ) async throws(CSIError) -> Reply {
        add(call)
        defer { remove(call) }
        return try await body()
    }

    // Never inlined into a function that awaits: the optimiser keeps the address of a thread-local of `Mutex` across the await, and
    // the function may go on on another thread, where unlocking then ends the process. Only optimised builds do that.
    @inline(never)
    private func add(_ call: Call) {
        calls.withLock { $0[call.id.number] = call }
    }

    @inline(never)
    private func remove(_ call: Call) {
        calls.withLock { $0[call.id.number] = nil }
    }

    /// What runs now.
    var entries: [InFlightTable.Entry] {
        let now = ContinuousClock.now
        return calls.withLock { Array($0.values) }
            .map { InFlightTable.Entry(call: $0, keys: [], age: now - $0.startedAt, waiters: 1) }
    }
}
