import CSIProto

/// A message of bytes that no schema made: to send what is malformed.
struct RawMessage: ProtoMessage {
    static let protoName = "conformance.RawMessage"
    static let fields: [ProtoField] = []
    static let sizeHint = WireSizeHint()

    var unknownFields = UnknownFields()
    var bytes: [UInt8] = []

    init() {}

    init(_ bytes: [UInt8]) {
        self.bytes = bytes
    }

    mutating func merge(from reader: inout WireReader) throws(WireError) {
        while let tag = try reader.nextTag() {
            try reader.skip(tag, keepingIn: &unknownFields)
        }
    }

    func write(to writer: inout WireWriter) {
        for byte in bytes.reversed() { writer.byte(byte) }
    }

    func describe(to renderer: inout MessageRenderer) {}
}
