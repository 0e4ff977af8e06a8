public import CSIProto

/// Remove a snapshot; the absent is success.
public struct DeleteSnapshot: ValidatedRequest {
    /// The snapshot.
    public let id: SnapshotID

    /// What is needed to reach the storage system; cannot be printed.
    public let secrets: Secrets

    /// Checks a message.
    /// - Throws: INVALID_ARGUMENT naming the first field that cannot be used.
    public init(validating wire: CSIv1.DeleteSnapshotRequest) throws(CSIError) {
        id = try SnapshotID(wire.snapshotID)
        secrets = try Secrets.validated(wire.secrets)
    }

    /// The snapshot.
    public var keys: [OperationKey] { [.snapshot(id)] }

    /// The work that makes it, which is not wanted any more.
    public var endedKey: OperationKey? { .snapshot(id) }

    /// The snapshot's id.
    public var subject: String? { id.rawValue }
}
