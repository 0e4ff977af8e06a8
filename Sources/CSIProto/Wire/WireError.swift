/// Why bytes are not a message.
public enum WireError: Error, Sendable, Hashable {
    /// The bytes end inside a field.
    case truncated
}
