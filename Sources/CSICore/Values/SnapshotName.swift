/// The name a caller suggests for a new snapshot; the key of CreateSnapshot's idempotency.
///
/// 1 to 128 bytes of UTF-8 without control characters.
public struct SnapshotName: Sendable, Hashable, CustomStringConvertible {
    /// The name as the caller sent it.
    public let rawValue: String

    /// Checks a name.
    /// - Throws: INVALID_ARGUMENT naming `field` when the name is empty, too long or has control characters.
    public init(_ rawValue: String, field: String = "name") throws(CSIError) {
        self.rawValue = try WireText.required(rawValue, field)
    }

    /// The name itself.
    public var description: String { rawValue }
}
