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

    /// Creates a record.
    public init(id: VolumeID, name: VolumeName, capacity: Int64, fingerprint: Fingerprint) {
        self.id = id
        self.name = name
        self.capacity = capacity
        self.fingerprint = fingerprint
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

extension VolumeRecord {
    private static let kind = "volume"
    private static let version = 1

    /// The bytes on disk.
    var bytes: [UInt8] {
        var lines: [(key: String, value: String)] = [
            ("id", id.rawValue), ("name", name.rawValue), ("capacity_bytes", String(capacity)),
        ]
        for field in fingerprint.fields {
            lines.append(("request", field.name.replacingSpaces + " " + field.value))
        }
        return RecordText(kind: Self.kind, version: Self.version, lines: lines).bytes
    }

    /// Reads the bytes of the record of the volume `expected`.
    /// - Throws: A sentence that completes "the record cannot be used: ...".
    init(parsing bytes: [UInt8], expecting expected: VolumeID) throws(RecordFailure) {
        let text: RecordText
        do throws(RecordText.Failure) {
            text = try RecordText(parsing: bytes, kind: Self.kind)
        } catch {
            throw RecordFailure(reason: error.description)
        }
        guard text.version == Self.version else {
            throw RecordFailure(reason: "its version is \(text.version), this driver reads \(Self.version)")
        }
        var values: [String: String] = [:]
        var fields: [Fingerprint.Field] = []
        for (key, value) in text.lines {
            guard key == "request" else {
                values[key] = value
                continue
            }
            let parts = value.split(separator: " ", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2 else { throw RecordFailure(reason: "a request line has no value") }
            fields.append(.init(String(parts[0]).restoringSpaces, String(parts[1])))
        }
        guard values["id"] == expected.rawValue else {
            throw RecordFailure(reason: "it is of another volume, \(values["id"].debugDescription)")
        }
        guard let capacity = values["capacity_bytes"].flatMap({ Int64($0) }), capacity >= 0 else {
            throw RecordFailure(reason: "capacity_bytes is missing or not a size")
        }
        guard let name = try? VolumeName(values["name"] ?? "") else {
            throw RecordFailure(reason: "name is missing or not a volume name")
        }
        self.init(id: expected, name: name, capacity: capacity, fingerprint: Fingerprint(fields))
    }
}

/// Why a record cannot be used.
struct RecordFailure: Error, Sendable, Hashable {
    let reason: String
}

extension String {
    /// A field's name ends at the first space of its line; parameter keys may hold spaces.
    fileprivate var replacingSpaces: String {
        String(flatMap { $0 == " " ? Array("%20") : $0 == "%" ? Array("%25") : [$0] })
    }

    fileprivate var restoringSpaces: String {
        var text = ""
        var rest = self[...]
        while let character = rest.popFirst() {
            if character == "%", rest.hasPrefix("20") || rest.hasPrefix("25") {
                text.append(rest.hasPrefix("20") ? " " : "%")
                rest = rest.dropFirst(2)
            } else {
                text.append(character)
            }
        }
        return text
    }
}
