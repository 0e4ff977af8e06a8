// The scalar types of protobuf, one codec each.

/// `int32`: a varint, ten bytes long when negative.
public enum WireInt32: PackableWireCodec {
    /// A varint.
    @inlinable public static var wireType: WireType { .varint }
    /// The size depends on the value.
    @inlinable public static var fixedSize: Int? { nil }
    /// Zero.
    @inlinable public static var initial: Int32 { 0 }

    /// Whether the value is zero.
    @inlinable
    public static func isInitial(_ value: Int32) -> Bool { value == 0 }

    /// Reads one value.
    @inlinable
    @inline(__always)
    public static func merge(into value: inout Int32, from reader: inout WireReader) throws(WireError) {
        value = Int32(truncatingIfNeeded: try reader.varint())
    }

    /// Writes one value.
    @inlinable
    @inline(__always)
    public static func write(_ value: Int32, to writer: inout WireWriter) {
        writer.varint(UInt64(bitPattern: Int64(value)))
    }

    /// Renders the value in decimal.
    public static func describe(_ value: Int32, to renderer: inout MessageRenderer) {
        renderer.number(value)
    }
}

/// `int64`: a varint, ten bytes long when negative.
public enum WireInt64: PackableWireCodec {
    /// A varint.
    @inlinable public static var wireType: WireType { .varint }
    /// The size depends on the value.
    @inlinable public static var fixedSize: Int? { nil }
    /// Zero.
    @inlinable public static var initial: Int64 { 0 }

    /// Whether the value is zero.
    @inlinable
    public static func isInitial(_ value: Int64) -> Bool { value == 0 }

    /// Reads one value.
    @inlinable
    @inline(__always)
    public static func merge(into value: inout Int64, from reader: inout WireReader) throws(WireError) {
        value = Int64(bitPattern: try reader.varint())
    }

    /// Writes one value.
    @inlinable
    @inline(__always)
    public static func write(_ value: Int64, to writer: inout WireWriter) {
        writer.varint(UInt64(bitPattern: value))
    }

    /// Renders the value in decimal.
    public static func describe(_ value: Int64, to renderer: inout MessageRenderer) {
        renderer.number(value)
    }
}

/// `uint32`: a varint.
public enum WireUInt32: PackableWireCodec {
    /// A varint.
    @inlinable public static var wireType: WireType { .varint }
    /// The size depends on the value.
    @inlinable public static var fixedSize: Int? { nil }
    /// Zero.
    @inlinable public static var initial: UInt32 { 0 }

    /// Whether the value is zero.
    @inlinable
    public static func isInitial(_ value: UInt32) -> Bool { value == 0 }

    /// Reads one value.
    @inlinable
    @inline(__always)
    public static func merge(into value: inout UInt32, from reader: inout WireReader) throws(WireError) {
        value = UInt32(truncatingIfNeeded: try reader.varint())
    }

    /// Writes one value.
    @inlinable
    @inline(__always)
    public static func write(_ value: UInt32, to writer: inout WireWriter) {
        writer.varint(UInt64(value))
    }

    /// Renders the value in decimal.
    public static func describe(_ value: UInt32, to renderer: inout MessageRenderer) {
        renderer.number(value)
    }
}

/// `uint64`: a varint.
public enum WireUInt64: PackableWireCodec {
    /// A varint.
    @inlinable public static var wireType: WireType { .varint }
    /// The size depends on the value.
    @inlinable public static var fixedSize: Int? { nil }
    /// Zero.
    @inlinable public static var initial: UInt64 { 0 }

    /// Whether the value is zero.
    @inlinable
    public static func isInitial(_ value: UInt64) -> Bool { value == 0 }

    /// Reads one value.
    @inlinable
    @inline(__always)
    public static func merge(into value: inout UInt64, from reader: inout WireReader) throws(WireError) {
        value = try reader.varint()
    }

    /// Writes one value.
    @inlinable
    @inline(__always)
    public static func write(_ value: UInt64, to writer: inout WireWriter) {
        writer.varint(value)
    }

    /// Renders the value in decimal.
    public static func describe(_ value: UInt64, to renderer: inout MessageRenderer) {
        renderer.number(value)
    }
}

/// `sint32`: a varint with the sign in the lowest bit.
public enum WireSInt32: PackableWireCodec {
    /// A varint.
    @inlinable public static var wireType: WireType { .varint }
    /// The size depends on the value.
    @inlinable public static var fixedSize: Int? { nil }
    /// Zero.
    @inlinable public static var initial: Int32 { 0 }

    /// Whether the value is zero.
    @inlinable
    public static func isInitial(_ value: Int32) -> Bool { value == 0 }

    /// Reads one value.
    @inlinable
    @inline(__always)
    public static func merge(into value: inout Int32, from reader: inout WireReader) throws(WireError) {
        value = unfold(UInt32(truncatingIfNeeded: try reader.varint()))
    }

    /// Writes one value.
    @inlinable
    @inline(__always)
    public static func write(_ value: Int32, to writer: inout WireWriter) {
        writer.varint(UInt64(UInt32(bitPattern: (value &<< 1) ^ (value &>> 31))))
    }

    /// Renders the value in decimal.
    public static func describe(_ value: Int32, to renderer: inout MessageRenderer) {
        renderer.number(value)
    }

    @inlinable
    static func unfold(_ value: UInt32) -> Int32 {
        Int32(bitPattern: value &>> 1) ^ -Int32(bitPattern: value & 1)
    }
}

/// `sint64`: a varint with the sign in the lowest bit.
public enum WireSInt64: PackableWireCodec {
    /// A varint.
    @inlinable public static var wireType: WireType { .varint }
    /// The size depends on the value.
    @inlinable public static var fixedSize: Int? { nil }
    /// Zero.
    @inlinable public static var initial: Int64 { 0 }

    /// Whether the value is zero.
    @inlinable
    public static func isInitial(_ value: Int64) -> Bool { value == 0 }

    /// Reads one value.
    @inlinable
    @inline(__always)
    public static func merge(into value: inout Int64, from reader: inout WireReader) throws(WireError) {
        value = unfold(try reader.varint())
    }

    /// Writes one value.
    @inlinable
    @inline(__always)
    public static func write(_ value: Int64, to writer: inout WireWriter) {
        writer.varint(UInt64(bitPattern: (value &<< 1) ^ (value &>> 63)))
    }

    /// Renders the value in decimal.
    public static func describe(_ value: Int64, to renderer: inout MessageRenderer) {
        renderer.number(value)
    }

    @inlinable
    static func unfold(_ value: UInt64) -> Int64 {
        Int64(bitPattern: value &>> 1) ^ -Int64(bitPattern: value & 1)
    }
}

/// `bool`: a varint, true unless zero.
public enum WireBool: PackableWireCodec {
    /// A varint.
    @inlinable public static var wireType: WireType { .varint }
    /// The size depends on the value.
    @inlinable public static var fixedSize: Int? { nil }
    /// False.
    @inlinable public static var initial: Bool { false }

    /// Whether the value is false.
    @inlinable
    public static func isInitial(_ value: Bool) -> Bool { !value }

    /// Reads one value.
    @inlinable
    @inline(__always)
    public static func merge(into value: inout Bool, from reader: inout WireReader) throws(WireError) {
        value = try reader.varint() != 0
    }

    /// Writes one value.
    @inlinable
    @inline(__always)
    public static func write(_ value: Bool, to writer: inout WireWriter) {
        writer.varint(value ? 1 : 0)
    }

    /// Renders the value as `true` or `false`.
    public static func describe(_ value: Bool, to renderer: inout MessageRenderer) {
        renderer.raw(value ? "true" : "false")
    }
}

/// An enum: a varint, numbers without a name kept as they are.
public enum WireEnum<Value: ProtoEnum>: PackableWireCodec {
    /// A varint.
    @inlinable public static var wireType: WireType { .varint }
    /// The size depends on the value.
    @inlinable public static var fixedSize: Int? { nil }
    /// The value with number zero.
    @inlinable public static var initial: Value { Value(rawValue: 0) }

    /// Whether the number is zero.
    @inlinable
    public static func isInitial(_ value: Value) -> Bool { value.rawValue == 0 }

    /// Reads one value.
    @inlinable
    @inline(__always)
    public static func merge(into value: inout Value, from reader: inout WireReader) throws(WireError) {
        value = Value(rawValue: Int32(truncatingIfNeeded: try reader.varint()))
    }

    /// Writes one value.
    @inlinable
    @inline(__always)
    public static func write(_ value: Value, to writer: inout WireWriter) {
        writer.varint(UInt64(bitPattern: Int64(value.rawValue)))
    }

    /// Renders the name in quotes, or the number where there is no name.
    public static func describe(_ value: Value, to renderer: inout MessageRenderer) {
        if let name = value.name { renderer.quoted(name) } else { renderer.number(value.rawValue) }
    }
}
