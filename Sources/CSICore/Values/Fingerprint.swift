/// What a thing was created with: named values, in a fixed order, that a retried create must repeat.
///
/// A driver keeps the fingerprint with the volume and compares it when the same name comes again:
///
/// ```swift
/// try request.fingerprint.requireMatch(stored, of: .volume(id))
/// ```
///
/// Secrets are never part of a fingerprint.
public struct Fingerprint: Sendable, Hashable {
    /// One named value.
    public struct Field: Sendable, Hashable {
        /// The field's name in the request, for example `parameters["pool"]`.
        public let name: String

        /// The value in its canonical text.
        public let value: String

        /// Creates a field.
        public init(_ name: String, _ value: String) {
            self.name = name
            self.value = value
        }
    }

    /// The fields, ordered as they were added.
    public private(set) var fields: [Field]

    /// Creates a fingerprint from fields, for a driver that reads one back.
    public init(_ fields: [Field] = []) {
        self.fields = fields
    }

    mutating func add(_ name: String, _ value: String) {
        fields.append(Field(name, value))
    }

    mutating func add(_ name: String, _ map: StringMap) {
        for (key, value) in map.sorted { add("\(name)[\"\(key)\"]", value) }
    }

    /// Compares what is asked for with what was stored.
    /// - Throws: ALREADY_EXISTS naming the first field that differs and both its values.
    public func requireMatch(_ stored: Fingerprint, of resource: Resource) throws(CSIError) {
        guard self != stored else { return }
        let old = stored.valuesByName
        for field in fields where old[field.name] != field.value {
            throw .alreadyExists(
                resource, differingIn: field.name, existing: Self.quoted(old[field.name]),
                requested: Self.quoted(field.value))
        }
        let new = valuesByName
        for field in stored.fields where new[field.name] == nil {
            throw .alreadyExists(
                resource, differingIn: field.name, existing: Self.quoted(field.value), requested: Self.quoted(nil))
        }
    }

    /// A short text that stands for all fields, for a storage system that keeps a line of text with a volume and not more.
    ///
    /// 32 hexadecimal digits, the same for equal fingerprints in every version of this library.
    public var digest: String {
        // Lengths keep one field from looking like two others.
        let text = fields.map { "\($0.name.utf8.count):\($0.name)=\($0.value.utf8.count):\($0.value);" }.joined()
        return SHA256.hexDigest(of: text.utf8, bytes: 16)
    }

    private var valuesByName: [String: String] {
        Dictionary(fields.map { ($0.name, $0.value) }, uniquingKeysWith: { "\($0)\u{0}\($1)" })
    }

    private static func quoted(_ value: String?) -> String { value.map { "\"\($0)\"" } ?? "none" }
}
