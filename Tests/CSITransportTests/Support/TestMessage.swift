import CSIProto

/// A message of raw bytes, each of which stands for itself; a leading 0xFF is malformed.
struct TestMessage: ProtoMessage {
    static let protoName = "test.Message"

    var bytes: [UInt8] = []

    init() {}

    init(_ bytes: [UInt8]) {
        self.bytes = bytes
    }

    init(_ text: String) {
        bytes = Array(text.utf8)
    }

    init(decoding bytes: UnsafeRawBufferPointer) throws(WireError) {
        if bytes.first == 0xFF { throw .truncated }
        self.bytes = Array(bytes)
    }

    func encoded() -> [UInt8] { bytes }

    var text: String { String(decoding: bytes, as: UTF8.self) }
}

enum TestMethods {
    static let echo = RPCMethod<TestMessage, TestMessage>(service: "test.Service", name: "Echo")
    static let probe = RPCMethod<TestMessage, TestMessage>(service: "test.Service", name: "Probe")
    static let fail = RPCMethod<TestMessage, TestMessage>(service: "test.Service", name: "Fail")
    static let hang = RPCMethod<TestMessage, TestMessage>(service: "test.Service", name: "Hang")
    static let block = RPCMethod<TestMessage, TestMessage>(service: "test.Service", name: "Block")
    static let large = RPCMethod<TestMessage, TestMessage>(service: "test.Service", name: "Large")
    static let missing = RPCMethod<TestMessage, TestMessage>(service: "test.Service", name: "Missing")
}
