/// How values of one protobuf type are read and written: the generated code names one per field.
///
/// Conformers are empty enums, used only as type arguments, so that everything is specialised at compile time.
public protocol WireCodec: Sendable {
    /// The Swift type of a value.
    associatedtype Value: Sendable, Hashable

    /// How a value is laid out outside packed fields.
    static var wireType: WireType { get }

    /// The value of a field that is not on the wire.
    static var initial: Value { get }

    /// Whether a singular field with this value is left out.
    static func isInitial(_ value: Value) -> Bool

    /// Reads one value; a message is merged into `value`, everything else replaces it.
    static func merge(into value: inout Value, from reader: inout WireReader) throws(WireError)

    /// Writes one value without its tag.
    static func write(_ value: Value, to writer: inout WireWriter)

    /// Renders one value for a log.
    static func describe(_ value: Value, to renderer: inout MessageRenderer)
}

extension WireCodec {
    /// Reads one value.
    @inlinable
    @inline(__always)
    public static func read(from reader: inout WireReader) throws(WireError) -> Value {
        var value = initial
        try merge(into: &value, from: &reader)
        return value
    }
}

/// Codecs whose values may be packed: one length, then the values without tags.
public protocol PackableWireCodec: WireCodec {
    /// The bytes of every value, or nil where the size depends on the value.
    static var fixedSize: Int? { get }
}
