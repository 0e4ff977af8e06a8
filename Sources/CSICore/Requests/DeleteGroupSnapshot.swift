public import CSIProto

/// Remove a group of snapshots with its members; the absent is success.
public struct DeleteGroupSnapshot: ValidatedRequest {
    /// The group.
    public let id: GroupSnapshotID

    /// The members that the caller knows of; empty when it does not say.
    public let members: [SnapshotID]

    /// What is needed to reach the storage system; cannot be printed.
    public let secrets: Secrets

    /// Checks a message.
    /// - Throws: INVALID_ARGUMENT naming the first field that cannot be used.
    public init(validating wire: CSIv1.DeleteVolumeGroupSnapshotRequest) throws(CSIError) {
        id = try GroupSnapshotID(wire.groupSnapshotID)
        members = try SnapshotID.list(validating: wire.snapshotIDs)
        secrets = try Secrets.validated(wire.secrets)
    }

    /// The group and its members.
    public var keys: [OperationKey] { [.groupSnapshot(id)] + members.map { .snapshot($0) } }

    /// The work that makes it, which is not wanted any more.
    public var endedKey: OperationKey? { .groupSnapshot(id) }

    /// The group's id.
    public var subject: String? { id.rawValue }
}
