import CSIProto

/// Bytes are all that these tests need of a message.
typealias TestMessage = GoogleProtobuf.BytesValue

extension GoogleProtobuf.BytesValue {
    init(_ text: String) {
        self.init(value: Array(text.utf8))
    }

    var text: String { String(decoding: value, as: UTF8.self) }
}

/// The methods of the service that the tests serve.
enum TestMethods {
    static let echo = RPCMethod<TestMessage, TestMessage>(service: "test.Service", name: "Echo")
    static let probe = RPCMethod<TestMessage, TestMessage>(service: "test.Service", name: "Probe")
    static let fail = RPCMethod<TestMessage, TestMessage>(service: "test.Service", name: "Fail")
    static let hang = RPCMethod<TestMessage, TestMessage>(service: "test.Service", name: "Hang")
    static let block = RPCMethod<TestMessage, TestMessage>(service: "test.Service", name: "Block")
    static let large = RPCMethod<TestMessage, TestMessage>(service: "test.Service", name: "Large")
    static let missing = RPCMethod<TestMessage, TestMessage>(service: "test.Service", name: "Missing")
}
