public import CSIProto

/// Ask which parts of a snapshot hold data (GetMetadataAllocated).
public struct GetAllocatedBlocks: ValidatedRequest {
    /// The snapshot.
    public let id: SnapshotID

    /// Begin at this byte; a caller that was interrupted goes on where it stopped.
    public let startingOffset: Int64

    /// At most this many ranges in one message; nil leaves it to the framework.
    public let maximumResults: Int?

    /// What is needed to reach the storage system; cannot be printed.
    public let secrets: Secrets

    /// Checks a message.
    /// - Throws: INVALID_ARGUMENT naming the first field that cannot be used; OUT_OF_RANGE for a negative offset.
    public init(validating wire: CSIv1.GetMetadataAllocatedRequest) throws(CSIError) {
        id = try SnapshotID(wire.snapshotID)
        (startingOffset, maximumResults) = try BlockStreamPosition.validated(wire.startingOffset, wire.maxResults)
        secrets = try Secrets.validated(wire.secrets)
    }

    /// The snapshot's id.
    public var subject: String? { id.rawValue }
}
