/// A type that can be the key of a protobuf map.
///
/// Protobuf compares keys by their encoding. For strings that is not what `==` does, which holds canonically equivalent
/// strings for equal.
public protocol ProtoMapKey: Sendable, Hashable {
    /// Whether both keys have the same encoding.
    func isSameKey(as other: Self) -> Bool

    /// Feeds what `isSameKey` compares into `hasher`.
    func hashKey(into hasher: inout Hasher)
}

extension ProtoMapKey {
    /// Whether both keys are equal.
    @inlinable
    public func isSameKey(as other: Self) -> Bool { self == other }

    /// Feeds the key into `hasher`.
    @inlinable
    public func hashKey(into hasher: inout Hasher) { hash(into: &hasher) }
}

extension Bool: ProtoMapKey {}
extension Int32: ProtoMapKey {}
extension Int64: ProtoMapKey {}
extension UInt32: ProtoMapKey {}
extension UInt64: ProtoMapKey {}

extension String: ProtoMapKey {
    /// Whether both strings are the same bytes.
    @inlinable
    public func isSameKey(as other: String) -> Bool {
        // `==` is fast where strings differ, and never holds equal bytes for different; the converse needs the last test.
        self == other && utf8.elementsEqual(other.utf8)
    }

    /// Feeds the bytes into `hasher`.
    @inlinable
    public func hashKey(into hasher: inout Hasher) {
        for byte in utf8 { hasher.combine(byte) }
        hasher.combine(utf8.count)
    }
}
