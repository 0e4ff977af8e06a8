/// How a field's value is laid out, the low three bits of its tag.
public enum WireType: UInt32, Sendable {
    /// A base-128 integer.
    case varint = 0
    /// Eight bytes.
    case fixed64 = 1
    /// A length and that many bytes.
    case lengthDelimited = 2
    /// The start of a group, which proto3 schemas cannot declare.
    case startGroup = 3
    /// The end of a group.
    case endGroup = 4
    /// Four bytes.
    case fixed32 = 5

    /// The wire type of `tag`, or nil for the two values without a meaning.
    @inlinable
    public init?(tag: UInt32) {
        self.init(rawValue: tag & 7)
    }

    @inlinable
    @inline(__always)
    static func isValid(_ tag: UInt32) -> Bool { tag & 7 <= 5 }
}
