import CSICore

/// What a pool keeps of a thing in the thing's own directory.
protocol PoolRecord: Sendable {
    /// Where things of this kind are.
    static var section: PoolSection { get }

    /// The id, which is also the name of the directory.
    var component: String? { get }

    /// The bytes on disk.
    var bytes: [UInt8] { get }

    /// Reads the bytes of the record of the thing with this id.
    /// - Parameters:
    ///   - bytes: The whole file.
    ///   - component: The id.
    ///   - isForSummary: Whether the fields of the request may be left out, which a start has no use for.
    /// - Throws: A sentence that completes "the record cannot be used: ...".
    init(parsing bytes: [UInt8], expecting component: String, isForSummary: Bool) throws(RecordFailure)
}

extension PoolRecord {
    /// Reads all of a record.
    init(parsing bytes: [UInt8], expecting component: String) throws(RecordFailure) {
        try self.init(parsing: bytes, expecting: component, isForSummary: false)
    }
}

/// Why a record cannot be used.
struct RecordFailure: Error, Sendable, Hashable {
    let reason: String
}

/// The lines of a record, taken apart: single values, the fields of the request, the attributes of the backend.
struct RecordLines {
    var values: [String: String] = [:]
    var fingerprint = Fingerprint()
    var attributes: [String: String] = [:]

    private static let requestKey = "request"

    /// - Parameters:
    ///   - bytes: The whole file.
    ///   - section: What the file must be a record of.
    ///   - version: The version that this code reads.
    ///   - isForSummary: Whether the fields of the request, half of the record, are left out.
    init(
        parsing bytes: [UInt8], of section: PoolSection, version: Int, isForSummary: Bool = false
    ) throws(RecordFailure) {
        let text: RecordText
        do throws(RecordText.Failure) {
            text = try RecordText(parsing: bytes, kind: section.noun, skipping: isForSummary ? Self.requestKey : nil)
        } catch {
            throw RecordFailure(reason: error.description)
        }
        guard text.version == version else {
            throw RecordFailure(reason: "its version is \(text.version), this driver reads \(version)")
        }
        var fields: [Fingerprint.Field] = []
        for (key, value) in text.lines {
            switch key {
            case Self.requestKey:
                let (name, text) = try Self.pair(value, key)
                fields.append(.init(name, text))
            case "attribute":
                let (name, text) = try Self.pair(value, key)
                attributes[name] = text
            default:
                values[key] = value
            }
        }
        fingerprint = Fingerprint(fields)
    }

    /// The lines of the fingerprint and the attributes, as they are written.
    static func lines(
        _ fingerprint: Fingerprint, _ attributes: StringMap
    ) -> [(key: String, value: String)] {
        fingerprint.fields.map { ("request", $0.name.replacingSpaces + " " + $0.value) }
            + attributes.sorted.map { ("attribute", $0.key.replacingSpaces + " " + $0.value) }
    }

    /// A number that is not negative.
    func size(_ key: String) throws(RecordFailure) -> Int64 {
        guard let size = values[key].flatMap({ Int64($0) }), size >= 0 else {
            throw RecordFailure(reason: "\(key) is missing or not a size")
        }
        return size
    }

    func content() throws(RecordFailure) -> VolumeContent {
        guard let text = values["content"] else { return .directory }
        guard let content = VolumeContent(rawValue: text) else {
            throw RecordFailure(reason: "content is \(text.debugDescription), which this driver does not know")
        }
        return content
    }

    func isThick() throws(RecordFailure) -> Bool {
        switch values["provisioning"] {
        case nil, "thin": return false
        case "thick": return true
        case let text?: throw RecordFailure(reason: "provisioning is \(text.debugDescription)")
        }
    }

    private static func pair(_ value: String, _ key: String) throws(RecordFailure) -> (String, String) {
        let parts = value.split(separator: " ", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2 else { throw RecordFailure(reason: "a \(key) line has no value") }
        return (String(parts[0]).restoringSpaces, String(parts[1]))
    }
}

extension String {
    /// A field's name ends at the first space of its line; parameter keys may hold spaces.
    fileprivate var replacingSpaces: String {
        String(flatMap { $0 == " " ? Array("%20") : $0 == "%" ? Array("%25") : [$0] })
    }

    fileprivate var restoringSpaces: String {
        guard utf8.contains(UInt8(ascii: "%")) else { return self }
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
