import CSICore
import CSIHost
import CSIPool
import SystemPackage

/// What the driver keeps about a volume, in a file on its share.
struct NFSVolumeRecord: Sendable, Hashable {
    private static let kind = "nfs-volume"
    private static let version = 1

    /// The volume's handle.
    let id: VolumeID

    /// The name that it was created with.
    let name: VolumeName

    /// What was promised, in bytes; nothing enforces it.
    var capacity: Int64

    /// What becomes of its directory.
    var onDelete: DeletePolicy

    /// The mode that its directory was given; nil when it was left as it was.
    let permissions: FilePermissions?

    let source: ContentSource?

    let fingerprint: Fingerprint

    var bytes: [UInt8] {
        var lines: [(key: String, value: String)] = [
            ("id", id.rawValue), ("name", name.rawValue), ("capacity_bytes", String(capacity)),
            ("on_delete", onDelete.rawValue),
        ]
        if let permissions { lines.append(("mode", String(permissions.rawValue, radix: 8))) }
        lines += RecordLines.lines(source, fingerprint)
        return RecordText(kind: Self.kind, version: Self.version, lines: lines).bytes
    }

    init(
        id: VolumeID, name: VolumeName, capacity: Int64, onDelete: DeletePolicy, permissions: FilePermissions?,
        source: ContentSource?, fingerprint: Fingerprint
    ) {
        self.id = id
        self.name = name
        self.capacity = capacity
        self.onDelete = onDelete
        self.permissions = permissions
        self.source = source
        self.fingerprint = fingerprint
    }

    init(parsing bytes: [UInt8]) throws(RecordLines.Unusable) {
        let lines = try RecordLines(parsing: bytes, kind: Self.kind, version: Self.version)
        guard let id = try? VolumeID(lines.values["id"] ?? ""), let name = try? VolumeName(lines.values["name"] ?? ""),
            let onDelete = DeletePolicy(rawValue: lines.values["on_delete"] ?? "")
        else { throw RecordLines.Unusable(reason: "its id, name or on_delete is missing or cannot be used") }
        self.init(
            id: id, name: name, capacity: try lines.number("capacity_bytes"), onDelete: onDelete,
            permissions: lines.values["mode"].flatMap { CModeT($0, radix: 8) }.map(FilePermissions.init(rawValue:)),
            source: try lines.source, fingerprint: lines.fingerprint)
    }

    /// The volume as callers see it.
    func volume(_ handle: VolumeHandle, server: String?) -> Volume {
        Volume(
            id: id, capacity: capacity, context: handle.context(server: server, permissions: permissions),
            source: source)
    }

    /// Compares the volume with a request for the same directory.
    /// - Throws: ALREADY_EXISTS naming the first thing that differs.
    func requireMatch(_ request: CreateVolume, at location: NFSLocation) throws(CSIError) {
        guard name == request.name else {
            throw .alreadyExists(
                .volumeNamed(request.name), differingIn: "subDir", existing: "\(location) is of volume \"\(id)\"",
                requested: "the same directory for another volume")
        }
        try request.fingerprint.requireMatch(fingerprint, of: .volumeNamed(name))
        guard let range = request.capacity, !range.contains(capacity) else { return }
        throw .alreadyExists(
            .volumeNamed(name), differingIn: "capacity_range", existing: "\(capacity) bytes", requested: "\(range)")
    }
}

extension VolumeHandle {
    /// What the node calls receive: by the names and in the form of csi-driver-nfs.
    func context(server: String?, permissions: FilePermissions?) -> StringMap {
        var values = [
            "server": server ?? share.server, "share": share.path.string, "subDir": directory.description,
            "quota": "none",
        ]
        if let permissions { values["mountPermissions"] = "0" + String(permissions.rawValue, radix: 8) }
        return StringMap(values)
    }
}

/// What the driver keeps about a snapshot, beside its data.
struct NFSSnapshotRecord: Sendable, Hashable {
    private static let kind = "nfs-snapshot"
    private static let version = 1

    let id: SnapshotID
    let name: SnapshotName
    let source: VolumeID
    /// What a volume made from it needs at least, in bytes.
    let size: Int64
    let created: Timestamp
    let fingerprint: Fingerprint

    var bytes: [UInt8] {
        let lines: [(key: String, value: String)] = [
            ("id", id.rawValue), ("name", name.rawValue), ("source_volume", source.rawValue),
            ("size_bytes", String(size)), ("created_seconds", String(created.seconds)),
            ("created_nanoseconds", String(created.nanoseconds)),
        ]
        return RecordText(
            kind: Self.kind, version: Self.version, lines: lines + RecordLines.lines(nil, fingerprint)
        ).bytes
    }

    init(
        id: SnapshotID, name: SnapshotName, source: VolumeID, size: Int64, created: Timestamp, fingerprint: Fingerprint
    ) {
        self.id = id
        self.name = name
        self.source = source
        self.size = size
        self.created = created
        self.fingerprint = fingerprint
    }

    init(parsing bytes: [UInt8]) throws(RecordLines.Unusable) {
        let lines = try RecordLines(parsing: bytes, kind: Self.kind, version: Self.version)
        guard let id = try? SnapshotID(lines.values["id"] ?? ""),
            let name = try? SnapshotName(lines.values["name"] ?? ""),
            let source = try? VolumeID(lines.values["source_volume"] ?? "")
        else { throw RecordLines.Unusable(reason: "its id, name or source_volume is missing or cannot be used") }
        let created = Timestamp(
            seconds: try lines.number("created_seconds"),
            nanoseconds: Int32(clamping: try lines.number("created_nanoseconds")))
        self.init(
            id: id, name: name, source: source, size: try lines.number("size_bytes"), created: created,
            fingerprint: lines.fingerprint)
    }

    func snapshot(isReady: Bool) -> Snapshot {
        Snapshot(id: id, source: source, size: size, creationTime: created, isReady: isReady)
    }
}

/// The lines that records share.
struct RecordLines {
    /// Why bytes are no record.
    struct Unusable: Error, Hashable {
        let reason: String
    }

    var values: [String: String] = [:]
    var fingerprint = Fingerprint()

    init(parsing bytes: [UInt8], kind: String, version: Int) throws(Unusable) {
        let text: RecordText
        do throws(RecordText.Failure) {
            text = try RecordText(parsing: bytes, kind: kind)
        } catch {
            throw Unusable(reason: error.description)
        }
        guard text.version == version else {
            throw Unusable(reason: "its version is \(text.version), this driver reads \(version)")
        }
        var fields: [Fingerprint.Field] = []
        for (key, value) in text.lines {
            guard key == "request" else {
                values[key] = value
                continue
            }
            let parts = value.split(separator: " ", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            guard parts.count == 2 else { throw Unusable(reason: "a request line has no value") }
            fields.append(.init(parts[0], parts[1]))
        }
        fingerprint = Fingerprint(fields)
    }

    /// The names of the fields have no spaces: parameters with other names than the driver's own are refused.
    static func lines(_ source: ContentSource?, _ fingerprint: Fingerprint) -> [(key: String, value: String)] {
        (source.map { [("source", $0.description)] } ?? [])
            + fingerprint.fields.map { ("request", "\($0.name) \($0.value)") }
    }

    func number(_ key: String) throws(Unusable) -> Int64 {
        guard let number = values[key].flatMap({ Int64($0) }), number >= 0 else {
            throw Unusable(reason: "\(key) is missing or no number")
        }
        return number
    }

    var source: ContentSource? {
        get throws(Unusable) {
            guard let text = values["source"] else { return nil }
            let words = text.split(separator: " ", maxSplits: 1).map(String.init)
            switch words.first {
            case "snapshot" where words.count == 2:
                if let id = try? SnapshotID(words[1]) { return .snapshot(id) }
            case "volume" where words.count == 2:
                if let id = try? VolumeID(words[1]) { return .volume(id) }
            default: break
            }
            throw Unusable(reason: "source is \(text.debugDescription), which is no source")
        }
    }
}
