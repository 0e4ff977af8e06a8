import CSILock

/// Receives the block ranges of a snapshot and sends them on in messages of a bounded size.
///
/// ```swift
/// try await stream.begin(capacity: size, kind: .variableLength)
/// for extent in extents { try await stream.send(offset: extent.offset, length: extent.length) }
/// ```
///
/// Ranges that end before the offset that the caller asked for are left out, so a driver may always begin at 0.
public final class BlockStream: Sendable {
    /// Whether all ranges have the same length.
    public enum Kind: Sendable, Hashable {
        /// All ranges have the same length.
        case fixedLength
        /// Ranges have any length.
        case variableLength
    }

    /// One message.
    struct Batch: Sendable {
        let kind: Kind
        let capacity: Int64
        let ranges: [(offset: Int64, length: Int64)]
    }

    /// Ranges in a message when the caller does not say: about 16 KiB.
    private static let defaultBatch = 1024
    /// Whatever the caller says, a message stays below the limit of 4 MiB.
    private static let largestBatch = 100_000

    private struct State {
        var header: (kind: Kind, capacity: Int64)?
        var ranges: [(offset: Int64, length: Int64)] = []
        /// The end of the last range; the next one may not begin before it.
        var end: Int64 = 0
        var sentAny = false
    }

    private let startingOffset: Int64
    private let batchSize: Int
    private let output: @Sendable (Batch) async throws(CSIError) -> Void
    private let state = Guarded(State())

    init(
        startingOffset: Int64, maximumResults: Int?, output: @escaping @Sendable (Batch) async throws(CSIError) -> Void
    ) {
        self.startingOffset = startingOffset
        self.batchSize = min(maximumResults ?? Self.defaultBatch, Self.largestBatch)
        self.output = output
    }

    /// Says what follows; called once, first.
    /// - Parameters:
    ///   - capacity: The size of the snapshot in bytes.
    ///   - kind: Whether all ranges have the same length.
    /// - Throws: OUT_OF_RANGE when the caller wants to begin beyond the end.
    public func begin(capacity: Int64, kind: Kind) async throws(CSIError) {
        guard capacity >= 0 else { throw .fault("the driver answered a negative snapshot size") }
        guard startingOffset < max(capacity, 1) else {
            throw .impossibleCapacity("starting_offset \(startingOffset) is beyond the end of \(capacity) bytes")
        }
        state.withLock { $0.header = (kind, capacity) }
    }

    /// Sends one range; may wait for a slow caller.
    /// - Throws: INTERNAL when the range lies before the one sent last or beyond the end; CANCELLED when the caller is
    ///   gone.
    public func send(offset: Int64, length: Int64) async throws(CSIError) {
        if let batch = try accept(offset, length) { try await output(batch) }
    }

    /// Sends what is left; the framework calls it when the driver has returned.
    func finish() async throws(CSIError) {
        let batch: Batch? = state.withLock { state in
            guard let header = state.header, !state.ranges.isEmpty || !state.sentAny else { return nil }
            defer { state.ranges = [] }
            return Batch(kind: header.kind, capacity: header.capacity, ranges: state.ranges)
        }
        if let batch { try await output(batch) }
    }

    private func accept(_ offset: Int64, _ length: Int64) throws(CSIError) -> Batch? {
        let outcome: Result<Batch?, CSIError> = state.withLock { state in
            guard let header = state.header else { return .failure(.fault("the driver sent blocks before beginning")) }
            let (end, overflow) = offset.addingReportingOverflow(length)
            guard offset >= state.end, length > 0, !overflow, end <= header.capacity else {
                return .failure(
                    .fault("the driver sent blocks out of order or beyond the end: \(length) bytes at \(offset)"))
            }
            state.end = end
            guard end > startingOffset else { return .success(nil) }
            state.ranges.append((offset, length))
            guard state.ranges.count >= batchSize else { return .success(nil) }
            state.sentAny = true
            defer { state.ranges = [] }
            return .success(Batch(kind: header.kind, capacity: header.capacity, ranges: state.ranges))
        }
        return try outcome.get()
    }
}
