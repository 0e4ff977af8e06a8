import CSIProto

/// A message that takes any bytes for itself, malformed ones too.
struct Anything: ProtoMessage {
    static let protoName = "test.Anything"
    static let fields: [ProtoField] = []
    static let sizeHint = WireSizeHint()

    var unknownFields = UnknownFields()

    mutating func merge(from reader: inout WireReader) throws(WireError) {}

    func write(to writer: inout WireWriter) {}

    func describe(to renderer: inout MessageRenderer) {}
}
