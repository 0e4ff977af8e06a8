import Synchronization

/// The checks that every string from the wire goes through.
///
/// The specification limits strings to 128 bytes unless a field says otherwise, node ids to 256 bytes and maps to 4 KiB
/// in total; paths may be as long as the system allows (4,096 bytes with the final NUL on Linux).
enum WireText {
    static let generalLimit = 128
    static let nodeIDLimit = 256

    /// The longest id of a volume or snapshot, in bytes; see ``LongIDs``.
    static let idLimit = Atomic(generalLimit)
    static let pathLimit = 4095
    static let mapLimit = 4096

    /// A string that must be there.
    ///
    /// The field's name is made only when it is needed: for an error.
    static func required(
        _ value: String, _ field: @autoclosure () -> String, limit: Int = generalLimit
    ) throws(CSIError) -> String {
        guard !value.isEmpty else { throw .missing(field()) }
        return try optional(value, field(), limit: limit)
    }

    /// A string that may be empty.
    static func optional(
        _ value: String, _ field: @autoclosure () -> String, limit: Int = generalLimit
    ) throws(CSIError) -> String {
        let count = value.utf8.count
        guard count <= limit else { throw .invalid(field(), "is \(count) bytes long, the limit is \(limit)") }
        if mayHoldBanned(value), let control = value.unicodeScalars.first(where: isBanned) {
            throw .invalid(field(), "contains the control character 0x\(String(control.value, radix: 16))")
        }
        return value
    }

    /// Whether any byte is, or begins, a control character: most text has none, and then its scalars need no look.
    private static func mayHoldBanned(_ value: String) -> Bool {
        let found = value.utf8.withContiguousStorageIfAvailable { bytes in
            var found = false
            for byte in bytes { found = found || byte < 0x20 || byte == 0x7F || byte == 0xC2 }
            return found
        }
        return found ?? true
    }

    /// The control characters that the specification bans from names: all but tab, line feed and carriage return.
    ///
    /// Whoever prints a value escapes those three.
    private static func isBanned(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x09, 0x0A, 0x0D: false
        case 0..<0x20, 0x7F...0x9F: true
        default: false
        }
    }
}

/// Ids of volumes and snapshots that are longer than the 128 bytes of the specification.
///
/// Some drivers give out such ids, and callers do not mind. A program that takes over the volumes of such a driver accepts them.
public enum LongIDs {
    /// Accepts ids of up to 1024 bytes from now on, in the whole process.
    public static func accept() { WireText.idLimit.store(1024, ordering: .relaxed) }
}
