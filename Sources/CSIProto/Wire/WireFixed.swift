// The scalar types of protobuf with a fixed size, one codec each.

/// `fixed32`: four bytes.
public enum WireFixed32: PackableWireCodec {
    /// A fixed-size value.
    @inlinable public static var wireType: WireType { .fixed32 }
    /// 4 bytes.
    @inlinable public static var fixedSize: Int? { 4 }
    /// Zero.
    @inlinable public static var initial: UInt32 { 0 }

    /// Whether the value is zero.
    @inlinable
    public static func isInitial(_ value: UInt32) -> Bool { value == 0 }

    /// Reads one value.
    @inlinable
    @inline(__always)
    public static func merge(into value: inout UInt32, from reader: inout WireReader) throws(WireError) {
        value = try reader.fixed32()
    }

    /// Writes one value.
    @inlinable
    @inline(__always)
    public static func write(_ value: UInt32, to writer: inout WireWriter) {
        writer.fixed32(value)
    }

    /// Renders the value in decimal.
    public static func describe(_ value: UInt32, to renderer: inout MessageRenderer) {
        renderer.number(value)
    }
}

/// `sfixed32`: four bytes.
public enum WireSFixed32: PackableWireCodec {
    /// A fixed-size value.
    @inlinable public static var wireType: WireType { .fixed32 }
    /// 4 bytes.
    @inlinable public static var fixedSize: Int? { 4 }
    /// Zero.
    @inlinable public static var initial: Int32 { 0 }

    /// Whether the value is zero.
    @inlinable
    public static func isInitial(_ value: Int32) -> Bool { value == 0 }

    /// Reads one value.
    @inlinable
    @inline(__always)
    public static func merge(into value: inout Int32, from reader: inout WireReader) throws(WireError) {
        value = Int32(bitPattern: try reader.fixed32())
    }

    /// Writes one value.
    @inlinable
    @inline(__always)
    public static func write(_ value: Int32, to writer: inout WireWriter) {
        writer.fixed32(UInt32(bitPattern: value))
    }

    /// Renders the value in decimal.
    public static func describe(_ value: Int32, to renderer: inout MessageRenderer) {
        renderer.number(value)
    }
}

/// `float`: four bytes.
public enum WireFloat: PackableWireCodec {
    /// A fixed-size value.
    @inlinable public static var wireType: WireType { .fixed32 }
    /// 4 bytes.
    @inlinable public static var fixedSize: Int? { 4 }
    /// Zero.
    @inlinable public static var initial: Float { 0 }

    /// Whether the value is zero; minus zero is not.
    @inlinable
    public static func isInitial(_ value: Float) -> Bool { value.bitPattern == 0 }

    /// Reads one value.
    @inlinable
    @inline(__always)
    public static func merge(into value: inout Float, from reader: inout WireReader) throws(WireError) {
        value = Float(bitPattern: try reader.fixed32())
    }

    /// Writes one value.
    @inlinable
    @inline(__always)
    public static func write(_ value: Float, to writer: inout WireWriter) {
        writer.fixed32(value.bitPattern)
    }

    /// Renders the value in decimal.
    public static func describe(_ value: Float, to renderer: inout MessageRenderer) {
        renderer.number(value)
    }
}

/// `fixed64`: eight bytes.
public enum WireFixed64: PackableWireCodec {
    /// A fixed-size value.
    @inlinable public static var wireType: WireType { .fixed64 }
    /// 8 bytes.
    @inlinable public static var fixedSize: Int? { 8 }
    /// Zero.
    @inlinable public static var initial: UInt64 { 0 }

    /// Whether the value is zero.
    @inlinable
    public static func isInitial(_ value: UInt64) -> Bool { value == 0 }

    /// Reads one value.
    @inlinable
    @inline(__always)
    public static func merge(into value: inout UInt64, from reader: inout WireReader) throws(WireError) {
        value = try reader.fixed64()
    }

    /// Writes one value.
    @inlinable
    @inline(__always)
    public static func write(_ value: UInt64, to writer: inout WireWriter) {
        writer.fixed64(value)
    }

    /// Renders the value in decimal.
    public static func describe(_ value: UInt64, to renderer: inout MessageRenderer) {
        renderer.number(value)
    }
}

/// `sfixed64`: eight bytes.
public enum WireSFixed64: PackableWireCodec {
    /// A fixed-size value.
    @inlinable public static var wireType: WireType { .fixed64 }
    /// 8 bytes.
    @inlinable public static var fixedSize: Int? { 8 }
    /// Zero.
    @inlinable public static var initial: Int64 { 0 }

    /// Whether the value is zero.
    @inlinable
    public static func isInitial(_ value: Int64) -> Bool { value == 0 }

    /// Reads one value.
    @inlinable
    @inline(__always)
    public static func merge(into value: inout Int64, from reader: inout WireReader) throws(WireError) {
        value = Int64(bitPattern: try reader.fixed64())
    }

    /// Writes one value.
    @inlinable
    @inline(__always)
    public static func write(_ value: Int64, to writer: inout WireWriter) {
        writer.fixed64(UInt64(bitPattern: value))
    }

    /// Renders the value in decimal.
    public static func describe(_ value: Int64, to renderer: inout MessageRenderer) {
        renderer.number(value)
    }
}

/// `double`: eight bytes.
public enum WireDouble: PackableWireCodec {
    /// A fixed-size value.
    @inlinable public static var wireType: WireType { .fixed64 }
    /// 8 bytes.
    @inlinable public static var fixedSize: Int? { 8 }
    /// Zero.
    @inlinable public static var initial: Double { 0 }

    /// Whether the value is zero; minus zero is not.
    @inlinable
    public static func isInitial(_ value: Double) -> Bool { value.bitPattern == 0 }

    /// Reads one value.
    @inlinable
    @inline(__always)
    public static func merge(into value: inout Double, from reader: inout WireReader) throws(WireError) {
        value = Double(bitPattern: try reader.fixed64())
    }

    /// Writes one value.
    @inlinable
    @inline(__always)
    public static func write(_ value: Double, to writer: inout WireWriter) {
        writer.fixed64(value.bitPattern)
    }

    /// Renders the value in decimal.
    public static func describe(_ value: Double, to renderer: inout MessageRenderer) {
        renderer.number(value)
    }
}
