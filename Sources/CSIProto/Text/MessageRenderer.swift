/// Renders messages as one line of JSON for logs.
///
/// Fields go by their names in the schema, and what is at its default is left out. Secrets become `***stripped***`, as
/// in the logs of the sidecars. Nothing a peer sent can break the line or the terminal.
public struct MessageRenderer: Sendable {
    /// Map keys that carry secrets without being marked in the schema: the tokens that kubelet puts into a volume's
    /// context.
    public static let standardRedactedKeys: Set<String> = ["csi.storage.k8s.io/serviceAccount.tokens"]

    private static let stripped = "\"***stripped***\""

    private var text = ""
    private let redactedKeys: Set<String>
    private let maximumLength: Int
    private var isFirst = true
    /// Nothing more is rendered once the line is full.
    private var isFull = false

    init(redactedKeys: Set<String>, maximumLength: Int) {
        self.redactedKeys = redactedKeys
        self.maximumLength = maximumLength
    }

    consuming func finish() -> String {
        isFull ? text + "..." : text
    }

    /// Renders a message in braces.
    public mutating func message(_ message: some ProtoMessage) {
        raw("{")
        isFirst = true
        message.describe(to: &self)
        if !message.unknownFields.isEmpty {
            name("unknown_fields")
            quoted("\(message.unknownFields.bytes.count) bytes")
        }
        raw("}")
        isFirst = false
    }

    /// Renders a singular field unless it has its default value.
    public mutating func singular<Codec: WireCodec>(
        _ name: String, _ value: Codec.Value, as codec: Codec.Type
    ) {
        guard !isFull, !codec.isInitial(value) else { return }
        self.name(name)
        codec.describe(value, to: &self)
    }

    /// Renders a field that is set.
    public mutating func optional<Codec: WireCodec>(_ name: String, _ value: Codec.Value?, as codec: Codec.Type) {
        guard !isFull, let value else { return }
        self.name(name)
        codec.describe(value, to: &self)
    }

    /// Renders the elements of a repeated field in brackets.
    public mutating func repeated<Codec: WireCodec>(_ name: String, _ values: [Codec.Value], as codec: Codec.Type) {
        guard !isFull, !values.isEmpty else { return }
        self.name(name)
        raw("[")
        for (index, value) in values.enumerated() {
            if isFull { return }
            if index > 0 { raw(",") }
            codec.describe(value, to: &self)
        }
        raw("]")
    }

    /// Renders a map's pairs in braces.
    public mutating func map<Key: WireCodec, Value: WireCodec>(
        _ name: String, _ map: ProtoMap<Key.Value, Value.Value>, key: Key.Type, value: Value.Type
    ) {
        guard !isFull, !map.isEmpty else { return }
        self.name(name)
        raw("{")
        for (index, pair) in map.pairs.enumerated() {
            if isFull { return }
            if index > 0 { raw(",") }
            quoted("\(pair.key)")
            raw(":")
            if let key = pair.key as? String, redactedKeys.contains(key) {
                raw(Self.stripped)
            } else {
                value.describe(pair.value, to: &self)
            }
        }
        raw("}")
    }

    /// Renders that there are secrets.
    public mutating func secrets(_ name: String, _ secrets: Secrets) {
        guard !isFull, !secrets.isEmpty else { return }
        self.name(name)
        raw(Self.stripped)
    }

    /// Renders a number.
    mutating func number(_ value: some Numeric & CustomStringConvertible) {
        raw(value.description)
    }

    /// Appends text as it is.
    mutating func raw(_ piece: String) {
        guard !isFull else { return }
        guard text.utf8.count + piece.utf8.count <= maximumLength else {
            isFull = true
            return
        }
        text += piece
    }

    /// Renders a string in quotes, with everything escaped that could break a line or steer a terminal.
    mutating func quoted(_ value: String) {
        raw("\"")
        for scalar in value.unicodeScalars {
            if isFull { return }
            raw(Self.escaped(scalar))
        }
        raw("\"")
    }

    private mutating func name(_ name: String) {
        if !isFirst { raw(",") }
        isFirst = false
        quoted(name)
        raw(":")
    }

    private static func escaped(_ scalar: Unicode.Scalar) -> String {
        switch scalar {
        case "\"": return "\\\""
        case "\\": return "\\\\"
        case "\n": return "\\n"
        case "\r": return "\\r"
        case "\t": return "\\t"
        default: break
        }
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .privateUse, .unassigned:
            return utf16Escapes(scalar)
        default:
            return String(scalar)
        }
    }

    private static func utf16Escapes(_ scalar: Unicode.Scalar) -> String {
        var result = ""
        for unit in String(scalar).utf16 {
            let digits = String(unit, radix: 16)
            result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
        }
        return result
    }
}
