/// The id of a node: 1 to 256 bytes without the control characters that the specification bans.
public struct NodeID: Sendable, Hashable, CustomStringConvertible {
    /// The id as it goes over the wire.
    public let rawValue: String

    /// Checks an id.
    /// - Throws: INVALID_ARGUMENT naming `field` when the id is empty, too long or has banned control characters.
    public init(_ rawValue: String, field: String = "node_id") throws(CSIError) {
        self.rawValue = try WireText.required(rawValue, field, limit: WireText.nodeIDLimit)
    }

    /// The id itself.
    public var description: String { rawValue }
}
