/// A page in the Prometheus text format, version 0.0.4, under construction.
struct ExpositionText {
    private(set) var bytes: [UInt8] = []

    init() {
        bytes.reserveCapacity(16 * 1024)
    }

    /// The lines before a metric's samples.
    mutating func header(_ name: String, _ kind: MetricKind, help: String?) {
        if let help {
            append("# HELP ", name, " ")
            for byte in help.utf8 {
                switch byte {
                case UInt8(ascii: "\\"): append("\\\\")
                case UInt8(ascii: "\n"): append("\\n")
                default: bytes.append(byte)
                }
            }
            append("\n")
        }
        append("# TYPE ", name, " ", kind.rawValue, "\n")
    }

    /// One line with a whole number.
    mutating func sample(_ name: String, _ labels: SeriesLabels, _ value: UInt64) {
        append(name)
        if !labels.text.isEmpty { append("{", labels.text, "}") }
        append(" ", String(value), "\n")
    }

    /// One line.
    mutating func sample(_ name: String, _ labels: SeriesLabels, _ value: Double) {
        append(name)
        if !labels.text.isEmpty { append("{", labels.text, "}") }
        append(" ", Self.number(value), "\n")
    }

    /// One line of a histogram: how many values were at most `bound`.
    mutating func bucket(_ name: String, _ labels: SeriesLabels, upTo bound: Double, _ count: UInt64) {
        append(name, "_bucket{")
        if !labels.text.isEmpty { append(labels.text, ",") }
        append("le=\"", Self.number(bound), "\"} ", String(count), "\n")
    }

    /// A number as the format reads it: `0.25`, `3`, `+Inf`, `NaN`.
    static func number(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
        let text = "\(value)"
        return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
    }

    private mutating func append(_ parts: String...) {
        for part in parts { bytes.append(contentsOf: part.utf8) }
    }
}

/// What a metric is, as the `TYPE` line says it.
enum MetricKind: String, Sendable {
    case counter
    case gauge
    case histogram
}
