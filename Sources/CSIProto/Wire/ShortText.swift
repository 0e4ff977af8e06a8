/// A quick look at short strings: nearly all are ASCII, which need no further validation.
@usableFromInline
enum ShortText {
    // The offsets that this function passes on are in bounds: each case reads no further than the least count that it covers,
    // from either end.

    /// Whether `text` is ASCII for certain; false when it is too long to tell quickly.
    ///
    /// Words from the front and from the back cover every byte, some of them twice, without a loop.
    @inlinable
    @inline(__always)
    static func isASCII(_ text: Span<UInt8>) -> Bool {
        let bytes = text.bytes
        let count = bytes.byteCount
        switch count {
        case 0: return true
        case 1...3: return (byte(bytes, 0) | byte(bytes, count / 2) | byte(bytes, count &- 1)) & 0x80 == 0
        case 4...7: return (half(bytes, 0) | half(bytes, count &- 4)) & 0x8080_8080 == 0
        case 8...64: break
        default: return false
        }
        var seen = word(bytes, 0) | word(bytes, count &- 8)
        if count > 16 { seen |= word(bytes, 8) | word(bytes, count &- 16) }
        if count > 32 {
            seen |= word(bytes, 16) | word(bytes, 24) | word(bytes, count &- 24) | word(bytes, count &- 32)
        }
        return seen & 0x8080_8080_8080_8080 == 0
    }

    @inlinable
    @inline(__always)
    static func byte(_ bytes: RawSpan, _ offset: Int) -> UInt8 {
        // In bounds: see `isASCII`, the only caller.
        unsafe bytes.unsafeLoad(fromUncheckedByteOffset: offset, as: UInt8.self)
    }

    @inlinable
    @inline(__always)
    static func half(_ bytes: RawSpan, _ offset: Int) -> UInt32 {
        // In bounds: see `isASCII`, the only caller.
        unsafe bytes.unsafeLoadUnaligned(fromUncheckedByteOffset: offset, as: UInt32.self)
    }

    @inlinable
    @inline(__always)
    static func word(_ bytes: RawSpan, _ offset: Int) -> UInt64 {
        // In bounds: see `isASCII`, the only caller.
        unsafe bytes.unsafeLoadUnaligned(fromUncheckedByteOffset: offset, as: UInt64.self)
    }
}
