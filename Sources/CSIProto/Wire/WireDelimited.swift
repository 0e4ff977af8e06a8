// The types of protobuf that carry their length, one codec each.

/// `string`: UTF-8.
public enum WireString: WireCodec {
    /// A length and that many bytes.
    @inlinable public static var wireType: WireType { .lengthDelimited }
    /// The empty string.
    @inlinable public static var initial: String { "" }

    /// Whether the string is empty.
    @inlinable
    public static func isInitial(_ value: String) -> Bool { value.utf8.isEmpty }

    /// Reads one string, refusing what is not UTF-8.
    @inlinable
    @inline(__always)
    public static func merge(into value: inout String, from reader: inout WireReader) throws(WireError) {
        value = try reader.string()
    }

    /// Writes the length and the bytes.
    @inlinable
    @inline(__always)
    public static func write(_ value: String, to writer: inout WireWriter) {
        writer.string(value)
    }

    /// Renders the string in quotes, escaped.
    public static func describe(_ value: String, to renderer: inout MessageRenderer) {
        renderer.quoted(value)
    }
}

/// `bytes`.
public enum WireBytes: WireCodec {
    /// A length and that many bytes.
    @inlinable public static var wireType: WireType { .lengthDelimited }
    /// No bytes.
    @inlinable public static var initial: [UInt8] { [] }

    /// Whether there are no bytes.
    @inlinable
    public static func isInitial(_ value: [UInt8]) -> Bool { value.isEmpty }

    /// Reads the bytes.
    @inlinable
    @inline(__always)
    public static func merge(into value: inout [UInt8], from reader: inout WireReader) throws(WireError) {
        value = try reader.byteArray()
    }

    /// Writes the length and the bytes.
    @inlinable
    @inline(__always)
    public static func write(_ value: [UInt8], to writer: inout WireWriter) {
        writer.byteArray(value)
    }

    /// Renders how many bytes there are: a log is no place for binary data.
    public static func describe(_ value: [UInt8], to renderer: inout MessageRenderer) {
        renderer.quoted("\(value.count) bytes")
    }
}

/// A message.
public enum WireMessage<Value: ProtoMessage>: WireCodec {
    /// A length and that many bytes.
    @inlinable public static var wireType: WireType { .lengthDelimited }
    /// A message with every field at its default.
    @inlinable public static var initial: Value { Value() }

    /// False: a message that is present is written even when empty.
    @inlinable
    public static func isInitial(_ value: Value) -> Bool { false }

    /// Reads a message and merges it into `value`.
    @inlinable
    @inline(__always)
    public static func merge(into value: inout Value, from reader: inout WireReader) throws(WireError) {
        try reader.message(&value)
    }

    /// Writes the length and the message.
    @inlinable
    @inline(__always)
    public static func write(_ value: Value, to writer: inout WireWriter) {
        let written = writer.written
        value.write(to: &writer)
        writer.varint(UInt64(truncatingIfNeeded: writer.written &- written))
    }

    /// Renders the message's fields in braces.
    public static func describe(_ value: Value, to renderer: inout MessageRenderer) {
        renderer.message(value)
    }
}
