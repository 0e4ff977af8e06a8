internal import Glibc
internal import Logging

/// One line of a log under construction.
struct LogLine {
    private(set) var bytes: [UInt8] = []
    private let format: LogFormat

    init(format: LogFormat) {
        self.format = format
        bytes.reserveCapacity(256)
    }

    mutating func begin(level: Logger.Level, message: String) {
        switch format {
        case .text:
            append(Self.timestamp())
            append(" \(level.rawValue) ")
            appendText(message, quoteSpaces: false)
        case .json:
            append("{\"time\":\"\(Self.timestamp())\",\"level\":\"\(level.rawValue)\",\"msg\":")
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
        bytes.append(contentsOf: text.utf8)
    }

    /// Quotes what would make a line ambiguous.
    private mutating func appendText(_ text: String, quoteSpaces: Bool) {
        let needsQuotes = text.utf8.contains { byte in
            byte < 0x20 || byte == 0x7F || byte == 0x22 || (quoteSpaces && (byte == 0x20 || byte == 0x3D))
        }
        if needsQuotes || (quoteSpaces && text.isEmpty) { appendJSON(text) } else { append(text) }
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
    private static func timestamp() -> String {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        var parts = tm()
        gmtime_r(&now.tv_sec, &parts)
        let milliseconds = Int32(truncatingIfNeeded: now.tv_nsec / 1_000_000)
        return padded(parts.tm_year + 1900, 4) + "-" + padded(parts.tm_mon + 1, 2) + "-" + padded(parts.tm_mday, 2)
            + "T"
            + padded(parts.tm_hour, 2) + ":" + padded(parts.tm_min, 2) + ":" + padded(parts.tm_sec, 2) + "."
            + padded(milliseconds, 3) + "Z"
    }

    private static func padded(_ value: Int32, _ width: Int) -> String {
        let digits = String(value)
        return String(repeating: "0", count: max(0, width - digits.utf8.count)) + digits
    }
}
