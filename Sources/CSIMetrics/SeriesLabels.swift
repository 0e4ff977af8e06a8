/// The labels of one series as the text format writes them between the braces: sorted, escaped, joined.
///
/// Two sets of the same labels are equal in whatever order they came.
struct SeriesLabels: Sendable, Hashable, Comparable {
    /// For example `method_name="/csi.v1.Node/NodePublishVolume"`; empty without labels.
    let text: String

    /// No labels.
    static let none = SeriesLabels(text: "")

    /// Where everything goes that is past the limit of its name.
    static let overflow = SeriesLabels(text: "overflow=\"true\"")

    private static let maximumLabels = 16

    private init(text: String) {
        self.text = text
    }

    /// Sorts and escapes; of two labels with one name the later wins.
    init(_ dimensions: [(String, String)], valueLimit: Int) {
        var values: [String: String] = [:]
        for (name, value) in dimensions.prefix(Self.maximumLabels) { values[MetricName.label(name)] = value }
        text = values.sorted { $0.key < $1.key }
            .map { "\($0.key)=\"\(Self.escaped(Self.cut($0.value, to: valueLimit)))\"" }
            .joined(separator: ",")
    }

    static func < (left: SeriesLabels, right: SeriesLabels) -> Bool {
        left.text < right.text
    }

    private static func cut(_ value: String, to limit: Int) -> String {
        guard value.utf8.count > limit else { return value }
        var bytes = 0
        let kept = value.unicodeScalars.prefix { scalar in
            bytes += scalar.utf8.count
            return bytes <= limit
        }
        return String(kept)
    }

    private static func escaped(_ value: String) -> String {
        var bytes: [UInt8] = []
        for byte in value.utf8 {
            switch byte {
            case UInt8(ascii: "\\"): bytes += Array("\\\\".utf8)
            case UInt8(ascii: "\""): bytes += Array("\\\"".utf8)
            case UInt8(ascii: "\n"): bytes += Array("\\n".utf8)
            default: bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}

extension Unicode.Scalar {
    fileprivate var utf8: Unicode.UTF8.EncodedScalar {
        // Every scalar has an encoding; the replacement character keeps the compiler content.
        Unicode.UTF8.encode(self) ?? Unicode.UTF8.encodedReplacementCharacter
    }
}
