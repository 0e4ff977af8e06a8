/// A protobuf message that knows its own wire format.
///
/// Generated types conform; nothing else needs to.
public protocol ProtoMessage: Sendable, Hashable, CustomStringConvertible {
    /// The full protobuf name, for example `csi.v1.ProbeRequest`.
    static var protoName: String { get }

    /// The fields of the schema, in its order.
    static var fields: [ProtoField] { get }

    /// What the encoder learns about the size of messages of this type.
    static var sizeHint: WireSizeHint { get }

    /// Fields that the message carried and the schema does not know.
    var unknownFields: UnknownFields { get set }

    /// Creates a message with every field at its default.
    init()

    /// Reads fields up to the end of `reader` into this message: singular fields are replaced or merged, others grow.
    mutating func merge(from reader: inout WireReader) throws(WireError)

    /// Writes the fields, the last one first.
    func write(to writer: inout WireWriter)

    /// Renders the fields that are set.
    func describe(to renderer: inout MessageRenderer)
}

extension ProtoMessage {
    /// Decodes one message from exactly these bytes.
    ///
    /// - Throws: What is wrong with the bytes; nothing that they hold can trap.
    @inlinable
    public init(decoding bytes: UnsafeRawBufferPointer, limits: WireLimits = .standard) throws(WireError) {
        self.init()
        try merge(bytes, limits: limits)
    }

    /// Decodes one message from exactly these bytes.
    @inlinable
    public init(decoding bytes: [UInt8], limits: WireLimits = .standard) throws(WireError) {
        self.init()
        var reader = try WireReader(bytes.span, limits: limits)
        try merge(from: &reader)
    }

    /// Decodes one message from exactly these bytes and merges it into this one.
    @inlinable
    public mutating func merge(
        _ bytes: UnsafeRawBufferPointer, limits: WireLimits = .standard
    ) throws(WireError) {
        // The caller keeps the bytes for the duration of this call, which the span does not outlive.
        let span = unsafe bytes.assumingMemoryBound(to: UInt8.self).span
        var reader = try WireReader(span, limits: limits)
        try merge(from: &reader)
    }

    /// The message in the binary format, deterministic: fields by number, map entries in their order.
    public func encoded() -> [UInt8] {
        encodedMessage().array
    }

    /// The message in the binary format, in the buffer that it was written to.
    public func encodedMessage() -> EncodedMessage {
        let hint = Self.sizeHint
        var writer = WireWriter(capacity: hint.expected)
        write(to: &writer)
        hint.learn(writer.written)
        return writer.finish()
    }

    /// The message as gRPC frames it: a zero byte for "not compressed", four bytes of length, the message.
    public func encodedFrame() -> EncodedMessage {
        let hint = Self.sizeHint
        var writer = WireWriter(capacity: hint.expected + 5)
        write(to: &writer)
        let count = writer.written
        hint.learn(count)
        writer.fixed32(UInt32(truncatingIfNeeded: count).byteSwapped)
        writer.byte(0)
        return writer.finish()
    }

    /// The message on one line for a log, secrets redacted and control characters escaped.
    public var description: String { described() }

    /// The message on one line for a log.
    ///
    /// - Parameters:
    ///   - redactedKeys: The map keys whose values are left out, besides the fields that the schema marks as secret.
    ///   - maximumLength: Where the line is cut, in bytes.
    public func described(
        redactedKeys: Set<String> = MessageRenderer.standardRedactedKeys, maximumLength: Int = 16_384
    ) -> String {
        var renderer = MessageRenderer(redactedKeys: redactedKeys, maximumLength: maximumLength)
        renderer.message(self)
        return renderer.finish()
    }
}
