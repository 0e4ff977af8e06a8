import CSICore
import CSIHost
import CSIPool
import FoundationEssentials

/// A snapshot as it is on this node.
struct SnapshotState: Encodable {
    let id: String
    let name: String?
    /// `ready`, `not ready` while it is copied, or `set aside` with the problem.
    let state: String
    let problem: String?
    let sourceVolumeID: String?
    let content: String?
    let sizeBytes: Int64?
    /// What an image takes of the disk, shared blocks counted; nil for a directory, which would have to be walked.
    let allocatedBytes: Int64?
    /// When it was taken, in UTC as RFC 3339 says it.
    let createdAt: String?
    /// The group that it was taken with; nil for a single snapshot.
    let group: String?

    init(_ snapshot: PoolSurvey.Snapshot) {
        let record = snapshot.record
        id = snapshot.id
        name = record?.name.rawValue
        state = snapshot.problem != nil ? "set aside" : snapshot.isReady ? "ready" : "not ready"
        problem = snapshot.problem
        sourceVolumeID = record?.source.rawValue
        content = record?.content.rawValue
        sizeBytes = record?.size
        allocatedBytes = snapshot.image?.allocatedBytes
        createdAt = record.map { Self.text($0.creationTime) }
        group = record?.group?.rawValue
    }

    /// A time to the second.
    static func text(_ time: Timestamp) -> String {
        Date(timeIntervalSince1970: Double(time.seconds)).formatted(.iso8601)
    }

    static let header = ["SNAPSHOT", "STATE", "VOLUME", "SIZE", "ON DISK", "CREATED"]

    var row: [String] {
        [
            id, state, sourceVolumeID ?? "", sizeBytes.map { "\(ByteSize(bytes: $0))" } ?? "",
            allocatedBytes.map { "\(ByteSize(bytes: $0))" } ?? "", createdAt ?? "",
        ]
    }
}
