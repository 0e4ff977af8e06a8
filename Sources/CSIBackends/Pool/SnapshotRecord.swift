public import CSICore

/// What the pool keeps of a snapshot, in the file `snapshot` of the snapshot's directory.
public struct SnapshotRecord: Sendable, Hashable {
    /// The snapshot's id, which is also the name of its directory.
    public let id: SnapshotID

    /// The name it was taken with.
    public let name: SnapshotName

    /// The volume it was taken of.
    public let source: VolumeID

    /// The size of the volume at that moment, in bytes.
    public let size: Int64

    /// When it was taken.
    public let creationTime: Timestamp

    /// What it was created with, to be compared when the same name comes again.
    public let fingerprint: Fingerprint

    /// How its content lies in the pool.
    public let content: VolumeContent

    /// What the backend kept of the volume.
    public let attributes: StringMap

    /// The group that it was taken with; nil for a single snapshot.
    public let group: GroupSnapshotID?

    /// Creates a record.
    public init(
        id: SnapshotID, name: SnapshotName, source: VolumeID, size: Int64, creationTime: Timestamp,
        fingerprint: Fingerprint, content: VolumeContent = .directory, attributes: StringMap = StringMap(),
        group: GroupSnapshotID? = nil
    ) {
        self.id = id
        self.name = name
        self.source = source
        self.size = size
        self.creationTime = creationTime
        self.fingerprint = fingerprint
        self.content = content
        self.attributes = attributes
        self.group = group
    }

    /// What a list shows of the snapshot.
    public var summary: SnapshotSummary {
        SnapshotSummary(
            id: id, source: source, size: size, creationTime: creationTime, content: content, group: group)
    }
}

extension SnapshotRecord: PoolRecord {
    private static let version = 1

    static var section: PoolSection { .snapshots }

    var component: String? { id.pathComponent }

    var bytes: [UInt8] {
        var lines: [(key: String, value: String)] = [
            ("id", id.rawValue), ("name", name.rawValue), ("source_volume_id", source.rawValue),
            ("size_bytes", String(size)), ("created", creationTime.recordText),
        ]
        if content != .directory { lines.append(("content", content.rawValue)) }
        if let group { lines.append(("group", group.rawValue)) }
        return RecordText(
            kind: Self.section.noun, version: Self.version, lines: lines + RecordLines.lines(fingerprint, attributes)
        ).bytes
    }

    init(parsing bytes: [UInt8], expecting component: String, isForSummary: Bool) throws(RecordFailure) {
        let lines = try RecordLines(
            parsing: bytes, of: Self.section, version: Self.version, isForSummary: isForSummary)
        guard lines.values["id"] == component, let id = try? SnapshotID(component) else {
            throw RecordFailure(reason: "it is of another snapshot, \(lines.values["id"].debugDescription)")
        }
        guard let name = try? SnapshotName(lines.values["name"] ?? "") else {
            throw RecordFailure(reason: "name is missing or not a snapshot name")
        }
        guard let source = try? VolumeID(lines.values["source_volume_id"] ?? "") else {
            throw RecordFailure(reason: "source_volume_id is missing or not a volume id")
        }
        guard let created = Timestamp(recordText: lines.values["created"]) else {
            throw RecordFailure(reason: "created is missing or not a time")
        }
        self.init(
            id: id, name: name, source: source, size: try lines.size("size_bytes"), creationTime: created,
            fingerprint: lines.fingerprint, content: try lines.content(), attributes: StringMap(lines.attributes),
            group: try Self.group(lines.values["group"]))
    }

    private static func group(_ text: String?) throws(RecordFailure) -> GroupSnapshotID? {
        guard let text else { return nil }
        guard let id = try? GroupSnapshotID(text), id.pathComponent != nil else {
            throw RecordFailure(reason: "group is \(text.debugDescription), which is no id of a group")
        }
        return id
    }
}
