/// A driver that takes snapshots and makes volumes from them: CREATE_DELETE_SNAPSHOT.
public protocol SnapshotCapable: VolumeProvisioning {
    /// Takes the snapshot of this name, or finds the one that an earlier attempt took.
    ///
    /// What takes long answers with `isReady` false and goes on; the caller asks again until it is true.
    /// - Throws: NOT_FOUND when there is no such volume, ALREADY_EXISTS when the name was used for another volume.
    func createSnapshot(_ request: CreateSnapshot) async throws(CSIError) -> Snapshot

    /// Removes a snapshot; the absent is success.
    /// - Throws: INVALID_ARGUMENT for a member of a group, FAILED_PRECONDITION while it is in use.
    func deleteSnapshot(_ request: DeleteSnapshot) async throws(CSIError)

    /// Makes a volume from a snapshot; like ``VolumeProvisioning/create(_:)``, with content.
    /// - Throws: NOT_FOUND when there is no such snapshot; RESOURCE_EXHAUSTED when it lives on another node.
    func restore(_ request: CreateVolume, from snapshot: SnapshotID) async throws(CSIError) -> Volume
}

/// A driver that can list its snapshots: LIST_SNAPSHOTS.
public protocol SnapshotListing: SnapshotCapable {
    /// One page of the snapshots that match, ordered by id, beginning after `request.after`.
    func listSnapshots(_ request: ListSnapshots) async throws(CSIError) -> SnapshotPage
}

/// A driver that can read one snapshot: GET_SNAPSHOT.
public protocol SnapshotReading: SnapshotCapable {
    /// The snapshot, nil when there is none of this id.
    func readSnapshot(_ request: GetSnapshot) async throws(CSIError) -> Snapshot?
}

/// One page of a list of snapshots.
public struct SnapshotPage: Sendable, Hashable {
    /// The snapshots of the page.
    public let snapshots: [Snapshot]

    /// The position after which the next page begins, nil on the last page; the framework makes the token of it.
    public let next: String?

    /// Creates a page.
    public init(snapshots: [Snapshot], next: String?) {
        self.snapshots = snapshots
        self.next = next
    }

    /// The page that a request asks for, out of all snapshots in any order: what does not match is left out.
    public init(of all: [Snapshot], for request: ListSnapshots) {
        let matching = all.filter {
            (request.id == nil || $0.id == request.id) && (request.source == nil || $0.source == request.source)
        }
        let (page, next) = Page.cut(matching, after: request.after, limit: request.maximumEntries) { $0.id.rawValue }
        self.init(snapshots: page, next: next)
    }
}
