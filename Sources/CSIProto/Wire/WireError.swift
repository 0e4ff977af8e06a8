/// Why bytes are not a message.
public enum WireError: Error, Sendable, Hashable {
    /// The bytes end inside a field, or a length points past the end.
    case truncated
    /// A varint runs over ten bytes, or a tag over five.
    case malformedVarint
    /// A tag has field number zero, a wire type that does not exist, or ends a group that never began.
    case malformedTag
    /// A packed field's length is no multiple of its elements' size.
    case malformedPacked
    /// A string field is not UTF-8.
    case invalidUTF8
    /// Messages or groups nest deeper than ``WireLimits/depth``.
    case tooDeep
    /// The input, or what it would become in memory, exceeds ``WireLimits``.
    case tooLarge
}

extension WireError: CustomStringConvertible {
    /// The reason as a phrase, without any of the bytes.
    public var description: String {
        switch self {
        case .truncated: "the message ends inside a field"
        case .malformedVarint: "a variable-length integer is too long"
        case .malformedTag: "a field tag is malformed"
        case .malformedPacked: "a packed field ends inside an element"
        case .invalidUTF8: "a string is not valid UTF-8"
        case .tooDeep: "messages nest too deeply"
        case .tooLarge: "the message is too large"
        }
    }
}
