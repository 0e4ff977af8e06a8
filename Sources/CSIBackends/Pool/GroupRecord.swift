public import CSICore

/// What the pool keeps of a group of snapshots, in the file `group` of the group's directory, beside its members.
public struct GroupRecord: Sendable, Hashable {
    /// The group's id, which is also the name of its directory.
    public let id: GroupSnapshotID

    /// The name it was taken with.
    public let name: GroupSnapshotName

    /// The members, in the order of their ids.
    public let members: [SnapshotID]

    /// When it was taken.
    public let creationTime: Timestamp

    /// What it was created with, to be compared when the same name comes again.
    public let fingerprint: Fingerprint

    /// Creates a record.
    public init(
        id: GroupSnapshotID, name: GroupSnapshotName, members: [SnapshotID], creationTime: Timestamp,
        fingerprint: Fingerprint
    ) {
        self.id = id
        self.name = name
        self.members = members
        self.creationTime = creationTime
        self.fingerprint = fingerprint
    }
}

extension GroupRecord: PoolRecord {
    private static let version = 1

    static var section: PoolSection { .groups }

    var component: String? { id.pathComponent }

    var bytes: [UInt8] {
        var lines: [(key: String, value: String)] = [("id", id.rawValue), ("name", name.rawValue)]
        lines.append(("created", creationTime.recordText))
        lines.append(("members", members.map(\.rawValue).joined(separator: " ")))
        return RecordText(
            kind: Self.section.noun, version: Self.version, lines: lines + RecordLines.lines(fingerprint, StringMap())
        ).bytes
    }

    init(parsing bytes: [UInt8], expecting component: String, isForSummary: Bool) throws(RecordFailure) {
        let lines = try RecordLines(
            parsing: bytes, of: Self.section, version: Self.version, isForSummary: isForSummary)
        guard lines.values["id"] == component, let id = try? GroupSnapshotID(component) else {
            throw RecordFailure(reason: "it is of another group, \(lines.values["id"].debugDescription)")
        }
        guard let name = try? GroupSnapshotName(lines.values["name"] ?? "") else {
            throw RecordFailure(reason: "name is missing or not the name of a group")
        }
        var members: [SnapshotID] = []
        for word in (lines.values["members"] ?? "").split(separator: " ") {
            guard let id = try? SnapshotID(String(word)), id.pathComponent != nil else {
                throw RecordFailure(reason: "members has \(word.debugDescription), which is no snapshot id")
            }
            members.append(id)
        }
        guard !members.isEmpty else { throw RecordFailure(reason: "members is missing or empty") }
        guard let created = Timestamp(recordText: lines.values["created"]) else {
            throw RecordFailure(reason: "created is missing or not a time")
        }
        self.init(
            id: id, name: name, members: members, creationTime: created, fingerprint: lines.fingerprint)
    }
}

extension Timestamp {
    /// The words in a record: seconds and nanoseconds.
    var recordText: String { "\(seconds) \(nanoseconds)" }

    /// Reads the words in a record; nil when they are no time.
    init?(recordText: String?) {
        let words = (recordText ?? "").split(separator: " ")
        guard words.count == 2, let seconds = Int64(words[0]), let nanoseconds = Int32(words[1]) else { return nil }
        self.init(seconds: seconds, nanoseconds: nanoseconds)
    }
}
