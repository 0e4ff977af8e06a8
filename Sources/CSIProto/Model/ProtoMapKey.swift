/// A type that can be the key of a protobuf map.
///
/// Protobuf compares keys by their encoding. For strings that is not what `==` does, which holds canonically equivalent
/// strings for equal.
public protocol ProtoMapKey: Sendable, Hashable {
    /// Whether both keys have the same encoding.
    func isSameKey(as other: Self) -> Bool

    /// Feeds what `isSameKey` compares into `hasher`.
    func hashKey(into hasher: inout Hasher)

    /// Equal for equal keys and, in its highest bits, mostly different for others; a few instructions.
    var keyHint: UInt64 { get }
}

extension ProtoMapKey {
    /// Whether both keys are equal.
    @inlinable
    public func isSameKey(as other: Self) -> Bool { self == other }

    /// Feeds the key into `hasher`.
    @inlinable
    public func hashKey(into hasher: inout Hasher) { hash(into: &hasher) }
}

extension ProtoMapKey where Self: FixedWidthInteger {
    /// The number, spread.
    @inlinable public var keyHint: UInt64 { UInt64(truncatingIfNeeded: self) &* 0x9E37_79B9_7F4A_7C15 }
}

extension Bool: ProtoMapKey {
    /// One of the two values.
    @inlinable public var keyHint: UInt64 { self ? .max : 0 }
}

extension Int32: ProtoMapKey {}
extension Int64: ProtoMapKey {}
extension UInt32: ProtoMapKey {}
extension UInt64: ProtoMapKey {}

extension String: ProtoMapKey {
    /// Whether both strings are the same bytes.
    @inlinable
    public func isSameKey(as other: String) -> Bool {
        let count = utf8.count
        guard count == other.utf8.count else { return false }
        // Short strings are kept in place, and `==` looks at that first.
        return count < 16 ? self == other && utf8.elementsEqual(other.utf8) : hasSameBytes(as: other)
    }

    /// Compares strings of the same length word by word: `==` would normalise both, which a peer could make slow.
    @usableFromInline
    func hasSameBytes(as other: String) -> Bool {
        let left = utf8Span.span.bytes
        let right = other.utf8Span.span.bytes
        guard left.byteCount == right.byteCount else { return false }
        var offset = 0
        while offset + 8 <= left.byteCount {
            // The eight bytes lie below the length that both have.
            let isSame =
                unsafe left.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self)
                == right.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self)
            guard isSame else { return false }
            offset += 8
        }
        while offset < left.byteCount {
            // As above, with one byte.
            let isSame =
                unsafe left.unsafeLoad(fromByteOffset: offset, as: UInt8.self)
                == right.unsafeLoad(fromByteOffset: offset, as: UInt8.self)
            guard isSame else { return false }
            offset += 1
        }
        return true
    }

    /// The length and the last bytes, where keys with a common prefix differ.
    @inlinable
    public var keyHint: UInt64 {
        let bytes = utf8Span.span.bytes
        let count = bytes.byteCount
        var tail = UInt64(truncatingIfNeeded: count)
        if count >= 8 {
            // The last eight of at least eight bytes.
            tail ^= unsafe bytes.unsafeLoadUnaligned(fromUncheckedByteOffset: count &- 8, as: UInt64.self)
        } else {
            for offset in 0..<count {
                // The offset is below the length.
                tail = tail &<< 8 ^ UInt64(unsafe bytes.unsafeLoad(fromUncheckedByteOffset: offset, as: UInt8.self))
            }
        }
        return tail &* 0x9E37_79B9_7F4A_7C15
    }

    /// Feeds the bytes into `hasher`.
    @inlinable
    public func hashKey(into hasher: inout Hasher) {
        for byte in utf8 { hasher.combine(byte) }
        hasher.combine(utf8.count)
    }
}
