/// Writes one message back to front into one buffer.
///
/// Written backwards, a message's length is known when its prefix is due, so no pass over the fields is needed to
/// measure them. Generated code therefore writes the highest field number first and the elements of a repeated field
/// from the last to the first; what comes out reads in ascending order.
public struct WireWriter: ~Copyable {
    @usableFromInline var storage: WireStorage
    /// The first written byte.
    @usableFromInline var start: UnsafeMutablePointer<UInt8>
    @usableFromInline var base: UnsafeMutablePointer<UInt8>
    @usableFromInline var end: UnsafeMutablePointer<UInt8>

    /// Creates a writer whose first `capacity` bytes need no further allocation.
    public init(capacity: Int) {
        storage = WireStorage.allocate(max(capacity, 16))
        base = storage.bytes
        end = base + storage.byteCount
        start = end
    }

    /// How many bytes have been written.
    @inlinable
    @inline(__always)
    public var written: Int { end - start }

    /// Moves the start back by `count` bytes, which the caller then fills.
    @inlinable
    @inline(__always)
    mutating func prepend(_ count: Int) -> UnsafeMutablePointer<UInt8> {
        if start - base < count { grow(by: count) }
        start -= count
        return start
    }

    @usableFromInline
    @inline(never)
    mutating func grow(by count: Int) {
        let written = written
        let larger = WireStorage.allocate(max(2 * storage.byteCount, written + count))
        let newBase = larger.bytes
        let newEnd = newBase + larger.byteCount
        (newEnd - written).update(from: start, count: written)
        storage = larger
        base = newBase
        end = newEnd
        start = newEnd - written
    }

    /// Writes a base-128 integer.
    @inlinable
    @inline(__always)
    public mutating func varint(_ value: UInt64) {
        if value < 0x80 {
            prepend(1).pointee = UInt8(truncatingIfNeeded: value)
        } else {
            longVarint(value)
        }
    }

    @usableFromInline
    mutating func longVarint(_ value: UInt64) {
        let count = (70 &- value.leadingZeroBitCount) / 7
        var target = prepend(count)
        var rest = value
        while rest >= 0x80 {
            target.pointee = UInt8(truncatingIfNeeded: rest) | 0x80
            rest &>>= 7
            target += 1
        }
        target.pointee = UInt8(truncatingIfNeeded: rest)
    }

    /// Writes a tag: the field number times eight plus the wire type.
    @inlinable
    @inline(__always)
    public mutating func tag(_ tag: UInt32) {
        varint(UInt64(tag))
    }

    /// Writes one byte.
    @inlinable
    public mutating func byte(_ value: UInt8) {
        prepend(1).pointee = value
    }

    /// Writes four bytes, the least significant first.
    @inlinable
    public mutating func fixed32(_ value: UInt32) {
        UnsafeMutableRawPointer(prepend(4)).storeBytes(of: value.littleEndian, as: UInt32.self)
    }

    /// Writes eight bytes, the least significant first.
    @inlinable
    public mutating func fixed64(_ value: UInt64) {
        UnsafeMutableRawPointer(prepend(8)).storeBytes(of: value.littleEndian, as: UInt64.self)
    }

    /// Writes a string's bytes after their length.
    @inlinable
    @inline(__always)
    public mutating func string(_ value: String) {
        let count = value.utf8.count
        let target = prepend(count)
        value.utf8.withContiguousStorageIfAvailable { source in
            if let address = source.baseAddress { target.update(from: address, count: source.count) }
        }
        varint(UInt64(truncatingIfNeeded: count))
    }

    /// Writes bytes after their length.
    public mutating func byteArray(_ value: [UInt8]) {
        raw(value)
        varint(UInt64(truncatingIfNeeded: value.count))
    }

    /// Writes bytes as they are.
    public mutating func raw(_ value: [UInt8]) {
        let target = prepend(value.count)
        value.withUnsafeBufferPointer { source in
            if let address = source.baseAddress { target.update(from: address, count: source.count) }
        }
    }

    /// Ends writing and hands over the buffer.
    public consuming func finish() -> EncodedMessage {
        EncodedMessage(storage: storage, offset: start - base, count: end - start)
    }
}
