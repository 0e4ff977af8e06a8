internal import Glibc
internal import Logging

/// One line of a log under construction.
struct LogLine {
    private(set) var bytes: [UInt8] = []
    private let format: LogFormat

    init(format: LogFormat) {
        self.format = format
        bytes.reserveCapacity(512)
    }

    mutating func begin(level: Logger.Level, message: String) {
        switch format {
        case .text:
            appendTimestamp()
            append(" ")
            append(level.rawValue)
            append(" ")
            appendText(message, quoteSpaces: false)
        case .json:
            append("{\"time\":\"")
            appendTimestamp()
            append("\",\"level\":\"")
            append(level.rawValue)
            append("\",\"msg\":")
            appendJSON(message)
        }
    }

    mutating func add(_ key: String, _ value: String) {
        switch format {
        case .text:
            append(" ")
            appendText(key, quoteSpaces: true)
            append("=")
            appendText(value, quoteSpaces: true)
        case .json:
            append(",")
            appendJSON(key)
            append(":")
            appendJSON(value)
        }
    }

    mutating func end() {
        append(format == .json ? "}\n" : "\n")
    }

    private mutating func append(_ text: String) {
        // As one copy: a string's own iterator goes byte by byte.
        var text = text
        text.withUTF8 { bytes.append(contentsOf: $0) }
    }

    /// Quotes what would make a line ambiguous.
    private mutating func appendText(_ text: String, quoteSpaces: Bool) {
        var text = text
        let needsQuotes = text.withUTF8 { buffer in
            if quoteSpaces && buffer.isEmpty { return true }
            for byte in buffer where byte <= 0x22 || byte == 0x3D || byte == 0x7F {
                if byte < 0x20 || byte == 0x7F || byte == 0x22 || (quoteSpaces && (byte == 0x20 || byte == 0x3D)) {
                    return true
                }
            }
            return false
        }
        if needsQuotes { appendJSON(text) } else { append(text) }
    }

    private mutating func appendJSON(_ text: String) {
        bytes.append(UInt8(ascii: "\""))
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""): append("\\\"")
            case UInt8(ascii: "\\"): append("\\\\")
            case 0x0A: append("\\n")
            case 0x0D: append("\\r")
            case 0x09: append("\\t")
            case 0..<0x20, 0x7F:
                append("\\u00")
                append(byte < 16 ? "0" : "")
                append(String(byte, radix: 16))
            default: bytes.append(byte)
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }

    /// UTC with milliseconds, as RFC 3339 writes it.
    private mutating func appendTimestamp() {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        var parts = tm()
        gmtime_r(&now.tv_sec, &parts)
        append(Int(parts.tm_year) + 1900, digits: 4, then: "-")
        append(Int(parts.tm_mon) + 1, digits: 2, then: "-")
        append(Int(parts.tm_mday), digits: 2, then: "T")
        append(Int(parts.tm_hour), digits: 2, then: ":")
        append(Int(parts.tm_min), digits: 2, then: ":")
        append(Int(parts.tm_sec), digits: 2, then: ".")
        append(now.tv_nsec / 1_000_000, digits: 3, then: "Z")
    }

    /// The last `digits` digits of a number that is not negative, and what follows them.
    private mutating func append(_ value: Int, digits: Int, then next: Unicode.Scalar) {
        var divisor = 1
        for _ in 1..<digits { divisor *= 10 }
        while divisor > 0 {
            bytes.append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: value / divisor % 10))
            divisor /= 10
        }
        bytes.append(UInt8(ascii: next))
    }
}
