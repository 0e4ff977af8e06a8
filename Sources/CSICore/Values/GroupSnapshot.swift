import CSIProto

/// Snapshots of several volumes of one moment.
public struct GroupSnapshot: Sendable, Hashable {
    /// The id that every later call uses.
    public let id: GroupSnapshotID

    /// The members, one for each source volume; never empty.
    public let snapshots: [Snapshot]

    /// The moment whose content the members have.
    public let creationTime: Timestamp

    /// Creates a group.
    public init(id: GroupSnapshotID, snapshots: [Snapshot], creationTime: Timestamp) {
        self.id = id
        self.snapshots = snapshots
        self.creationTime = creationTime
    }

    /// Whether volumes can be made from every member.
    public var isReady: Bool { snapshots.allSatisfy(\.isReady) }

    func wire() throws(CSIError) -> CSIv1.VolumeGroupSnapshot {
        guard !snapshots.isEmpty else { throw .fault("the driver answered group \"\(id)\" without snapshots") }
        guard snapshots.allSatisfy({ $0.group == id }) else {
            throw .fault("the driver answered a snapshot that is not of group \"\(id)\"")
        }
        guard creationTime.seconds > 0 else { throw .fault("the driver answered no creation time for group \"\(id)\"") }
        var members: [CSIv1.Snapshot] = []
        for snapshot in snapshots { members.append(try snapshot.wire()) }
        return .init(
            groupSnapshotID: id.rawValue, snapshots: members, creationTime: creationTime.wire, readyToUse: isReady)
    }
}
