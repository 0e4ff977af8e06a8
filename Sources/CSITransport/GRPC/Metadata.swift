/// The custom header or trailer fields of a call: names with text values, and names ending in `-bin` with bytes.
///
/// Order is kept and a name may occur more than once. Names are lower case.
public struct Metadata: Sendable, Hashable, RandomAccessCollection, ExpressibleByArrayLiteral,
    ExpressibleByDictionaryLiteral, CustomStringConvertible
{
    /// One field.
    public struct Entry: Sendable, Hashable {
        /// The lower-case name.
        public let name: String

        /// The value.
        public let value: Value
    }

    /// A field's value.
    public enum Value: Sendable, Hashable, ExpressibleByStringLiteral {
        /// Printable ASCII.
        case text(String)

        /// Any bytes; they travel in base64.
        case binary([UInt8])

        /// A text.
        public init(stringLiteral text: String) {
            self = .text(text)
        }
    }

    private var entries: [Entry] = []

    /// No fields.
    public init() {}

    /// The fields of other metadata, in this order.
    public init(arrayLiteral elements: Entry...) {
        entries = elements
    }

    /// These fields; what gRPC does not allow as a field is left out, as `add(_:for:)` tells.
    public init(dictionaryLiteral elements: (String, Value)...) {
        for (name, value) in elements {
            switch value {
            case .text(let text): add(text, for: name)
            case .binary(let bytes): addBinary(bytes, for: name)
            }
        }
    }

    /// The position of the first field.
    public var startIndex: Int { entries.startIndex }

    /// The position after the last field.
    public var endIndex: Int { entries.endIndex }

    /// The field at `position`.
    public subscript(position: Int) -> Entry { entries[position] }

    /// The text of the first field of this name, which is compared without regard to case.
    public subscript(name: String) -> String? {
        let key = name.lowercased()
        for entry in entries where entry.name == key {
            if case .text(let text) = entry.value { return text }
        }
        return nil
    }

    /// The bytes of every field of this name, which ends in `-bin`.
    public func binaryValues(for name: String) -> [[UInt8]] {
        let key = name.lowercased()
        return entries.compactMap { entry in
            if entry.name == key, case .binary(let bytes) = entry.value { bytes } else { nil }
        }
    }

    /// The texts of every field of this name.
    public func textValues(for name: String) -> [String] {
        let key = name.lowercased()
        return entries.compactMap { entry in
            if entry.name == key, case .text(let text) = entry.value { text } else { nil }
        }
    }

    /// Adds a text field.
    ///
    /// - Returns: false, adding nothing, when the name is not a legal custom name (lower-case letters, digits, `_`, `-`,
    ///   `.`; not `grpc-...`, not `-bin`, not a name of HTTP's) or the value is not printable ASCII.
    @discardableResult
    public mutating func add(_ value: String, for name: String) -> Bool {
        let key = name.lowercased()
        guard Metadata.isCustom(key), !key.hasSuffix("-bin"), value.utf8.allSatisfy({ (0x20...0x7E).contains($0) })
        else { return false }
        entries.append(Entry(name: key, value: .text(value)))
        return true
    }

    /// Adds a field of bytes; the name ends in `-bin`.
    ///
    /// - Returns: false, adding nothing, when the name is not legal.
    @discardableResult
    public mutating func addBinary(_ value: [UInt8], for name: String) -> Bool {
        let key = name.lowercased()
        guard Metadata.isCustom(key), key.hasSuffix("-bin") else { return false }
        entries.append(Entry(name: key, value: .binary(value)))
        return true
    }

    /// The names and texts on one line; bytes are shown by their count.
    public var description: String {
        let fields = entries.map { entry in
            switch entry.value {
            case .text(let text): "\(entry.name): \(text)"
            case .binary(let bytes): "\(entry.name): \(bytes.count) bytes"
            }
        }
        return "[\(fields.joined(separator: ", "))]"
    }

    /// Adds a field that came from the wire, where HTTP/2 has checked the name.
    mutating func append(name: String, value: Value) {
        entries.append(Entry(name: name, value: value))
    }

    private static let reserved: Set<String> = [
        "te", "content-type", "content-length", "host", "connection", "keep-alive", "transfer-encoding", "upgrade",
        "proxy-connection", "user-agent",
    ]

    private static func isCustom(_ key: String) -> Bool {
        guard !key.isEmpty, !key.hasPrefix("grpc-") || key.hasSuffix("-bin"), !reserved.contains(key) else {
            return false
        }
        return key.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"),
                UInt8(ascii: "_"), UInt8(ascii: "."):
                true
            default: false
            }
        }
    }
}
