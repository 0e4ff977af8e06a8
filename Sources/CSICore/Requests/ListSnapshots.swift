public import CSIProto

/// List the snapshots, a page at a time, all or those that match.
public struct ListSnapshots: ValidatedRequest {
    /// At most this many entries; nil for as many as fit in an answer.
    public let maximumEntries: Int?

    /// Begin after this entry; nil for the first page.
    ///
    /// Already decoded from the token.
    public let after: String?

    /// Only snapshots of this volume; an unknown one has none, which is no error.
    public let source: VolumeID?

    /// Only this snapshot; an unknown one gives an empty list, which is no error.
    public let id: SnapshotID?

    /// What is needed to reach the storage system; cannot be printed.
    public let secrets: Secrets

    /// Checks a message.
    /// - Throws: INVALID_ARGUMENT naming the first field that cannot be used, ABORTED for a token that this driver did not
    ///   give out.
    public init(validating wire: CSIv1.ListSnapshotsRequest) throws(CSIError) {
        guard wire.maxEntries >= 0 else {
            throw .invalid("max_entries", "must not be negative, and is \(wire.maxEntries)")
        }
        maximumEntries = wire.maxEntries > 0 ? Int(wire.maxEntries) : nil
        after = wire.startingToken.isEmpty ? nil : try PageToken.decoded(wire.startingToken)
        source = wire.sourceVolumeID.isEmpty ? nil : try VolumeID(wire.sourceVolumeID, field: "source_volume_id")
        id = wire.snapshotID.isEmpty ? nil : try SnapshotID(wire.snapshotID)
        secrets = try Secrets.validated(wire.secrets)
    }
}
