import ArgumentParser

/// A number of bytes as people write it: `1Gi`, `500M`, `4096`.
struct ByteSize: ExpressibleByArgument, Hashable, CustomStringConvertible {
    let bytes: Int64

    init(bytes: Int64) {
        self.bytes = bytes
    }

    init?(argument: String) {
        let digits = argument.prefix { $0.isASCII && $0.isNumber }
        let unit = argument.dropFirst(digits.count)
        guard let count = Int64(digits), let factor = Self.units.first(where: { $0.name == unit })?.factor else {
            return nil
        }
        let (bytes, overflow) = count.multipliedReportingOverflow(by: factor)
        guard !overflow else { return nil }
        self.bytes = bytes
    }

    /// The largest binary unit with at most one decimal, for example `1.5Gi`.
    var description: String {
        guard bytes >= 1024 else { return "\(bytes)" }
        let unit = Self.units.last { $0.isBinary && $0.factor <= bytes } ?? Self.units[0]
        let whole = bytes / unit.factor
        let tenths = min(9, bytes % unit.factor / max(1, unit.factor / 10))
        return tenths > 0 ? "\(whole).\(tenths)\(unit.name)" : "\(whole)\(unit.name)"
    }

    static let defaultCompletionKind: CompletionKind = .list(["1Gi", "10Gi", "100Gi"])

    private static let units: [(name: String, factor: Int64, isBinary: Bool)] = [
        ("", 1, false), ("k", 1000, false), ("M", 1_000_000, false), ("G", 1_000_000_000, false),
        ("T", 1_000_000_000_000, false), ("Ki", 1 << 10, true), ("Mi", 1 << 20, true), ("Gi", 1 << 30, true),
        ("Ti", 1 << 40, true), ("Pi", 1 << 50, true),
    ]
}
