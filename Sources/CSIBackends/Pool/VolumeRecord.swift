public import CSICore

/// What the pool keeps of a volume, in the file `volume` of the volume's directory.
public struct VolumeRecord: Sendable, Hashable {
    /// The volume's id, which is also the name of its directory.
    public let id: VolumeID

    /// The name it was created with.
    public let name: VolumeName

    /// The size in bytes that was promised.
    public var capacity: Int64

    /// What it was created with, to be compared when the same name comes again.
    public let fingerprint: Fingerprint

    /// How its content lies in the pool.
    public let content: VolumeContent

    /// Whether its room was taken when it was made, so that writing to it cannot fail for want of space.
    public let isThick: Bool

    /// What it was filled with; nil for an empty volume.
    public let source: ContentSource?

    /// What the backend keeps of it, such as the type of its file system.
    public var attributes: StringMap

    /// What keeps it from growing over its size; nil when nothing does.
    public var quota: VolumeQuota?

    /// Creates a record.
    public init(
        id: VolumeID, name: VolumeName, capacity: Int64, fingerprint: Fingerprint, content: VolumeContent = .directory,
        isThick: Bool = false, source: ContentSource? = nil, attributes: StringMap = StringMap(),
        quota: VolumeQuota? = nil
    ) {
        self.id = id
        self.name = name
        self.capacity = capacity
        self.fingerprint = fingerprint
        self.content = content
        self.isThick = isThick
        self.source = source
        self.attributes = attributes
        self.quota = quota
    }

    /// What a list shows of the volume.
    public var summary: VolumeSummary {
        VolumeSummary(
            id: id, capacity: capacity, content: content, isThick: isThick, source: source, attributes: attributes,
            quota: quota)
    }

    /// Creates the record of a volume that a request asks for.
    public init(_ request: CreateVolume, capacity: Int64) {
        self.init(
            id: VolumeID(derivedFrom: request.name), name: request.name, capacity: capacity,
            fingerprint: request.fingerprint)
    }

    /// Compares the volume with a request for the same name.
    /// - Throws: ALREADY_EXISTS naming the first thing that differs: the capacity, when it is not within the requested
    ///   range, or a field of the fingerprint.
    public func requireMatch(_ request: CreateVolume) throws(CSIError) {
        try request.fingerprint.requireMatch(fingerprint, of: .volumeNamed(request.name))
        guard let range = request.capacity, !range.contains(capacity) else { return }
        throw .alreadyExists(
            .volumeNamed(request.name), differingIn: "capacity_range", existing: "\(capacity) bytes",
            requested: "\(range)")
    }
}

extension VolumeRecord: PoolRecord {
    private static let version = 1

    static var section: PoolSection { .volumes }

    var component: String? { id.pathComponent }

    var bytes: [UInt8] {
        var lines: [(key: String, value: String)] = [
            ("id", id.rawValue), ("name", name.rawValue), ("capacity_bytes", String(capacity)),
        ]
        if content != .directory {
            lines.append(("content", content.rawValue))
            lines.append(("provisioning", isThick ? "thick" : "thin"))
        }
        if let source { lines.append(("source", source.description)) }
        if let quota { lines.append(("quota", quota.description)) }
        lines += RecordLines.lines(fingerprint, attributes)
        return RecordText(kind: Self.section.noun, version: Self.version, lines: lines).bytes
    }

    init(parsing bytes: [UInt8], expecting component: String, isForSummary: Bool) throws(RecordFailure) {
        let lines = try RecordLines(
            parsing: bytes, of: Self.section, version: Self.version, isForSummary: isForSummary)
        guard lines.values["id"] == component, let id = try? VolumeID(component) else {
            throw RecordFailure(reason: "it is of another volume, \(lines.values["id"].debugDescription)")
        }
        let capacity = try lines.size("capacity_bytes")
        guard let name = try? VolumeName(lines.values["name"] ?? "") else {
            throw RecordFailure(reason: "name is missing or not a volume name")
        }
        self.init(
            id: id, name: name, capacity: capacity, fingerprint: lines.fingerprint, content: try lines.content(),
            isThick: try lines.isThick(), source: try Self.source(lines.values["source"]),
            attributes: StringMap(lines.attributes), quota: try Self.quota(lines.values["quota"]))
    }

    /// What limits the volume of a record, whichever directory the record is in; nil for nothing, or an unusable record.
    static func quota(in bytes: [UInt8]) -> VolumeQuota? {
        let lines = try? RecordLines(parsing: bytes, of: section, version: version, isForSummary: true)
        return lines?.values["quota"].flatMap { VolumeQuota($0) }
    }

    private static func quota(_ text: String?) throws(RecordFailure) -> VolumeQuota? {
        guard let text else { return nil }
        guard let quota = VolumeQuota(text) else {
            throw RecordFailure(reason: "quota is \(text.debugDescription), which this driver does not know")
        }
        return quota
    }

    private static func source(_ text: String?) throws(RecordFailure) -> ContentSource? {
        guard let text else { return nil }
        let words = text.split(separator: " ", maxSplits: 1).map(String.init)
        switch words.first {
        case "snapshot" where words.count == 2:
            if let id = try? SnapshotID(words[1]) { return .snapshot(id) }
        case "volume" where words.count == 2:
            if let id = try? VolumeID(words[1]) { return .volume(id) }
        default: break
        }
        throw RecordFailure(reason: "source is \(text.debugDescription), which is no source")
    }
}
