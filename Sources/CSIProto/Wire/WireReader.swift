/// Reads the fields of one message from contiguous bytes, never past their end.
///
/// A nested message is read by the same reader with a nearer `limit`; nothing is copied but the values themselves.
/// Invariant: `0 <= position <= limit <= bytes.count`. Single bytes are read without a second check on the strength of
/// `position < limit`; everything longer goes through the checks of `Span`.
public struct WireReader: ~Escapable {
    @usableFromInline let bytes: Span<UInt8>
    @usableFromInline var position: Int
    @usableFromInline var limit: Int
    /// Where the tag of the current field begins, for fields that are kept unread.
    @usableFromInline var fieldStart: Int
    @usableFromInline var depth: Int
    @usableFromInline var allowance: Int

    /// Creates a reader of all of `bytes`.
    ///
    /// - Throws: `WireError.tooLarge` when there are more bytes than `limits.size`.
    @inlinable
    @_lifetime(copy bytes)
    public init(_ bytes: Span<UInt8>, limits: WireLimits = .standard) throws(WireError) {
        guard bytes.count <= limits.size else { throw .tooLarge }
        self.bytes = bytes
        self.position = 0
        self.limit = bytes.count
        self.fieldStart = 0
        self.depth = limits.depth
        self.allowance = limits.allowance(for: bytes.count)
    }

    /// The tag of the next field, or nil at the end of the message.
    ///
    /// A tag is the field number times eight plus the wire type.
    @inlinable
    @inline(__always)
    public mutating func nextTag() throws(WireError) -> UInt32? {
        guard position < limit else { return nil }
        fieldStart = position
        // In bounds: position < limit <= bytes.count.
        let first = unsafe bytes[unchecked: position]
        // One-byte tags are fields 1 to 15: nearly all of them.
        if first < 0x80 {
            position &+= 1
            guard first >= 8, WireType.isValid(UInt32(first)) else { throw .malformedTag }
            return UInt32(first)
        }
        return try longTag()
    }

    @usableFromInline
    mutating func longTag() throws(WireError) -> UInt32 {
        var value: UInt64 = 0
        for shift in stride(from: UInt64(0), through: 28, by: 7) {
            let byte = try byte()
            value |= UInt64(byte & 0x7f) << shift
            if byte < 0x80 {
                guard let tag = UInt32(exactly: value), tag >= 8, WireType.isValid(tag) else { throw .malformedTag }
                return tag
            }
        }
        throw .malformedVarint
    }

    @inlinable
    @inline(__always)
    mutating func byte() throws(WireError) -> UInt8 {
        guard position < limit else { throw .truncated }
        // In bounds: position < limit <= bytes.count.
        let byte = unsafe bytes[unchecked: position]
        position &+= 1
        return byte
    }

    /// A base-128 integer of up to ten bytes; bits beyond the 64th are dropped.
    @inlinable
    @inline(__always)
    public mutating func varint() throws(WireError) -> UInt64 {
        let first = try byte()
        if first < 0x80 { return UInt64(first) }
        // Two bytes hold the lengths of most messages that do not fit into one.
        if position < limit {
            // In bounds: position < limit <= bytes.count.
            let second = unsafe bytes[unchecked: position]
            if second < 0x80 {
                position &+= 1
                return UInt64(first & 0x7f) | UInt64(second) &<< 7
            }
        }
        return try longVarint(first)
    }

    @usableFromInline
    mutating func longVarint(_ first: UInt8) throws(WireError) -> UInt64 {
        var value = UInt64(first & 0x7f)
        for shift in stride(from: UInt64(7), through: 63, by: 7) {
            let byte = try byte()
            value |= UInt64(byte & 0x7f) << shift
            if byte < 0x80 { return value }
        }
        throw .malformedVarint
    }

    /// A length that fits into what is left of the message.
    @inlinable
    @inline(__always)
    mutating func length() throws(WireError) -> Int {
        let length = try varint()
        guard length <= UInt64(limit &- position) else { throw .truncated }
        return Int(length)
    }

    /// Four bytes, the least significant first.
    @inlinable
    public mutating func fixed32() throws(WireError) -> UInt32 {
        guard limit &- position >= 4 else { throw .truncated }
        let value = bytes.bytes.unsafeLoadUnaligned(fromByteOffset: position, as: UInt32.self)
        position &+= 4
        return UInt32(littleEndian: value)
    }

    /// Eight bytes, the least significant first.
    @inlinable
    public mutating func fixed64() throws(WireError) -> UInt64 {
        guard limit &- position >= 8 else { throw .truncated }
        let value = bytes.bytes.unsafeLoadUnaligned(fromByteOffset: position, as: UInt64.self)
        position &+= 8
        return UInt64(littleEndian: value)
    }

    /// A length and that many bytes of UTF-8.
    @inlinable
    public mutating func string() throws(WireError) -> String {
        let count = try length()
        // An empty string is not worth a call into the validator.
        guard count > 0 else { return "" }
        let end = position &+ count
        let slice = bytes.extracting(position..<end)
        position = end
        // What is ASCII throughout is UTF-8.
        if ShortText.isASCII(slice) { return unsafe String(copying: UTF8Span(unchecked: slice, isKnownASCII: true)) }
        do {
            return String(copying: try UTF8Span(validating: slice))
        } catch {
            throw .invalidUTF8
        }
    }

    /// A length and that many bytes.
    @inlinable
    public mutating func byteArray() throws(WireError) -> [UInt8] {
        let count = try length()
        let end = position &+ count
        defer { position = end }
        return copy(position..<end)
    }

    /// A length and a message of that many bytes, merged into `message`.
    @inlinable
    @inline(__always)
    public mutating func message<Message: ProtoMessage>(_ message: inout Message) throws(WireError) {
        let outer = try enter()
        try message.merge(from: &self)
        leave(outer)
    }

    /// Narrows the reader to a length-delimited field and returns the limit to give to `leave` afterwards.
    @inlinable
    @inline(__always)
    public mutating func enter() throws(WireError) -> Int {
        let count = try length()
        guard depth > 0 else { throw .tooDeep }
        depth &-= 1
        let outer = limit
        limit = position &+ count
        return outer
    }

    /// Widens the reader again after all of a length-delimited field has been read.
    @inlinable
    @inline(__always)
    public mutating func leave(_ outer: Int) {
        depth &+= 1
        limit = outer
    }

    /// Whether nothing is left of the current message or field.
    @inlinable
    public var isAtEnd: Bool { position >= limit }

    /// Takes `count` bytes of memory from what the message may expand to.
    @inlinable
    @inline(__always)
    mutating func charge(_ count: Int) throws(WireError) {
        allowance &-= count
        guard allowance >= 0 else { throw .tooLarge }
    }

    @usableFromInline
    func copy(_ range: Range<Int>) -> [UInt8] {
        guard !range.isEmpty else { return [] }
        // The buffer is copied and does not leave the closure.
        return unsafe bytes.extracting(range).withUnsafeBufferPointer { Array($0) }
    }
}
