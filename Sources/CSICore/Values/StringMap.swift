import CSIProto

/// A map of strings from the wire, at most 4 KiB in total.
public struct StringMap: Sendable, Hashable {
    /// Values by key.
    public let values: [String: String]

    /// Creates a map, for callers and tests.
    public init(_ values: [String: String] = [:]) {
        self.values = values
    }

    init(validating wire: ProtoMap<String, String>, field: String) throws(CSIError) {
        var values: [String: String] = Dictionary(minimumCapacity: wire.count)
        var total = 0
        for (key, value) in wire {
            guard !key.isEmpty else { throw .invalid(field, "has an empty key") }
            _ = try WireText.optional(key, "a key of \(field)", limit: WireText.mapLimit)
            values[key] = try Self.checked(value, "\(field)[\"\(key)\"]")
            total += key.utf8.count + value.utf8.count
        }
        guard total <= WireText.mapLimit else {
            throw .invalid(field, "is \(total) bytes in total, the limit is \(WireText.mapLimit)")
        }
        self.values = values
    }

    /// The value of a key.
    public subscript(key: String) -> String? { values[key] }

    /// The length of all keys and values in bytes.
    public var totalBytes: Int { values.reduce(0) { $0 + $1.key.utf8.count + $1.value.utf8.count } }

    /// The pairs in the order of their keys.
    public var sorted: [(key: String, value: String)] { values.sorted { $0.key < $1.key } }

    var wire: ProtoMap<String, String> {
        var map = ProtoMap<String, String>()
        for (key, value) in sorted { map[key] = value }
        return map
    }

    /// Values may hold line ends and tabs (a parameter can be a small document), but no NUL.
    private static func checked(_ value: String, _ field: @autoclosure () -> String) throws(CSIError) -> String {
        let found = value.utf8.withContiguousStorageIfAvailable { bytes in
            var found = false
            for byte in bytes { found = found || byte == 0 }
            return found
        }
        guard !(found ?? value.utf8.contains(0)) else { throw .invalid(field(), "contains a NUL character") }
        return value
    }
}
