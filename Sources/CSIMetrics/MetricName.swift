/// Makes names that the text format accepts out of any text.
enum MetricName {
    /// The most bytes of a name.
    static let limit = 200

    /// A metric's name: letters, digits, `_` and `:`, no digit first.
    static func metric(_ text: String) -> String {
        legal(text, allowingColon: true)
    }

    /// A label's name: letters, digits and `_`, no digit first, not `le` and without the reserved `__` in front.
    static func label(_ text: String) -> String {
        let name = legal(text, allowingColon: false)
        let trimmed = name.drop { $0 == "_" }
        let usable = name.hasPrefix("__") ? "_" + trimmed : name
        return usable == "le" ? "le_" : usable
    }

    private static func legal(_ text: String, allowingColon: Bool) -> String {
        var bytes: [UInt8] = []
        for character in text {
            guard bytes.count < limit else { break }
            switch character.asciiValue {
            case let byte? where isWordByte(byte) || (allowingColon && byte == UInt8(ascii: ":")): bytes.append(byte)
            default: bytes.append(UInt8(ascii: "_"))
            }
        }
        guard let first = bytes.first else { return "_" }
        if (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(first) { bytes.insert(UInt8(ascii: "_"), at: 0) }
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func isWordByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"):
            true
        default: false
        }
    }
}
