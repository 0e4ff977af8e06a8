/// A protobuf message that knows its own wire format.
///
/// Generated types conform; nothing else needs to.
public protocol ProtoMessage: Sendable, Hashable {
    /// The full protobuf name, for example `csi.v1.ProbeRequest`.
    static var protoName: String { get }

    /// Creates a message with every field at its default.
    init()

    /// Decodes one message from exactly these bytes.
    init(decoding bytes: UnsafeRawBufferPointer) throws(WireError)

    /// The message in the binary format, deterministic: fields by number, map entries in their order.
    func encoded() -> [UInt8]
}
