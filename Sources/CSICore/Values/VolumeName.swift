/// The name a caller suggests for a new volume; the key of CreateVolume's idempotency.
///
/// 1 to 128 bytes of UTF-8 without the control characters that the specification bans.
public struct VolumeName: Sendable, Hashable, CustomStringConvertible {
    /// The name as the caller sent it.
    public let rawValue: String

    /// Checks a name.
    /// - Throws: INVALID_ARGUMENT naming `field` when the name is empty, too long or has banned control characters.
    public init(_ rawValue: String, field: String = "name") throws(CSIError) {
        self.rawValue = try WireText.required(rawValue, field)
    }

    /// The name itself.
    public var description: String { rawValue }
}
