import Synchronization

/// Calls in a driver's handler that hold no keys, so that a report shows them too.
final class UnkeyedCalls: Sendable {
    private let calls = Mutex<[UInt64: Call]>([:])

    /// Runs `body`; the call is listed until it has ended.
    func run<Reply>(
        _ call: Call, _ body: () async throws(CSIError) -> Reply
    ) async throws(CSIError) -> Reply {
        calls.withLock { $0[call.id.number] = call }
        defer { calls.withLock { $0[call.id.number] = nil } }
        return try await body()
    }

    /// What runs now.
    var entries: [InFlightTable.Entry] {
        let now = ContinuousClock.now
        return calls.withLock { Array($0.values) }
            .map { InFlightTable.Entry(call: $0, keys: [], age: now - $0.startedAt, waiters: 1) }
    }
}
