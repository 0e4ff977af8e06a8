public import CSIProto

/// Ask which parts differ between two snapshots of a volume (GetMetadataDelta).
public struct GetChangedBlocks: ValidatedRequest {
    /// The earlier snapshot.
    public let base: SnapshotID

    /// The later snapshot.
    public let target: SnapshotID

    /// Begin at this byte; a caller that was interrupted goes on where it stopped.
    public let startingOffset: Int64

    /// At most this many ranges in one message; nil leaves it to the framework.
    public let maximumResults: Int?

    /// What is needed to reach the storage system; cannot be printed.
    public let secrets: Secrets

    /// Checks a message.
    /// - Throws: INVALID_ARGUMENT naming the first field that cannot be used; OUT_OF_RANGE for a negative offset.
    public init(validating wire: CSIv1.GetMetadataDeltaRequest) throws(CSIError) {
        base = try SnapshotID(wire.baseSnapshotID, field: "base_snapshot_id")
        target = try SnapshotID(wire.targetSnapshotID, field: "target_snapshot_id")
        (startingOffset, maximumResults) = try BlockStreamPosition.validated(wire.startingOffset, wire.maxResults)
        secrets = try Secrets.validated(wire.secrets)
    }

    /// The later snapshot's id.
    public var subject: String? { target.rawValue }
}

/// Where a stream of block ranges begins and how it is cut.
enum BlockStreamPosition {
    static func validated(_ offset: Int64, _ results: Int32) throws(CSIError) -> (offset: Int64, results: Int?) {
        guard offset >= 0 else {
            throw .impossibleCapacity("starting_offset must not be negative, and is \(offset)")
        }
        guard results >= 0 else { throw .invalid("max_results", "must not be negative, and is \(results)") }
        return (offset, results > 0 ? Int(results) : nil)
    }
}
