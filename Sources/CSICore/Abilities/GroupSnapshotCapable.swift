/// A driver that takes snapshots of several volumes at one moment: the GroupController service.
public protocol GroupSnapshotCapable: SnapshotCapable {
    /// Takes the group of this name, or finds the one that an earlier attempt took; all members or none.
    /// - Throws: NOT_FOUND when a volume does not exist, ALREADY_EXISTS when the name was used for other volumes,
    ///   FAILED_PRECONDITION when the volumes cannot be taken together.
    func createGroupSnapshot(_ request: CreateGroupSnapshot) async throws(CSIError) -> GroupSnapshot

    /// Removes a group with its members; the absent is success.
    func deleteGroupSnapshot(_ request: DeleteGroupSnapshot) async throws(CSIError)

    /// The group of this id, nil when there is none.
    func groupSnapshot(_ id: GroupSnapshotID) async throws(CSIError) -> GroupSnapshot?
}
