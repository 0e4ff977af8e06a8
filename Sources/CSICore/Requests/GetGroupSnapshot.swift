public import CSIProto

/// Read a group of snapshots.
public struct GetGroupSnapshot: ValidatedRequest {
    /// The group.
    public let id: GroupSnapshotID

    /// The members that the caller knows of; empty when it does not say.
    public let members: [SnapshotID]

    /// What is needed to reach the storage system; cannot be printed.
    public let secrets: Secrets

    /// Checks a message.
    /// - Throws: INVALID_ARGUMENT naming the first field that cannot be used.
    public init(validating wire: CSIv1.GetVolumeGroupSnapshotRequest) throws(CSIError) {
        id = try GroupSnapshotID(wire.groupSnapshotID)
        members = try SnapshotID.list(validating: wire.snapshotIDs)
        secrets = try Secrets.validated(wire.secrets)
    }

    /// The group's id.
    public var subject: String? { id.rawValue }
}

extension SnapshotID {
    /// Checks the member ids of a group.
    static func list(validating wire: [String], field: String = "snapshot_ids") throws(CSIError) -> [SnapshotID] {
        var ids: [SnapshotID] = []
        for (index, text) in wire.enumerated() {
            let id = try SnapshotID(text, field: "\(field)[\(index)]")
            guard !ids.contains(id) else { throw .invalid("\(field)[\(index)]", "names \"\(id)\" a second time") }
            ids.append(id)
        }
        return ids
    }
}
