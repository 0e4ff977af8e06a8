import CSIProto
import CSITransport
import Testing

@Suite("gRPC over HTTP/2, frame by frame", .timeLimit(.minutes(5)))
struct ProtocolTests {
    /// A request head that is wrong in one way, and the answer to it.
    struct BadHead: Sendable, CustomTestStringConvertible {
        let name: String
        let fields: [(String, String)]
        let httpStatus: String
        let code: RPCCode

        var testDescription: String { name }
    }

    private static func replacing(_ name: String, _ value: String?) -> [(String, String)] {
        RawClient.callFields("Probe").compactMap { field in
            field.0 != name ? field : value.map { (name, $0) }
        }
    }

    static let badHeads: [BadHead] = [
        BadHead(
            name: "GET", fields: replacing(":method", "GET"), httpStatus: "405", code: .internalError),
        BadHead(
            name: "no content-type", fields: replacing("content-type", nil), httpStatus: "415", code: .invalidArgument),
        BadHead(
            name: "JSON", fields: replacing("content-type", "application/json"), httpStatus: "415",
            code: .invalidArgument),
        BadHead(
            name: "grpc-web", fields: replacing("content-type", "application/grpc-web"), httpStatus: "415",
            code: .invalidArgument),
        BadHead(
            name: "timeout without unit", fields: RawClient.callFields("Probe", [("grpc-timeout", "10")]),
            httpStatus: "400", code: .internalError),
        BadHead(
            name: "timeout of nine digits", fields: RawClient.callFields("Probe", [("grpc-timeout", "123456789S")]),
            httpStatus: "400", code: .internalError),
        BadHead(
            name: "negative timeout", fields: RawClient.callFields("Probe", [("grpc-timeout", "-1S")]),
            httpStatus: "400", code: .internalError),
        BadHead(
            name: "binary field that is not base64", fields: RawClient.callFields("Probe", [("x-bin", "***")]),
            httpStatus: "400", code: .internalError),
        BadHead(
            name: "unknown encoding", fields: RawClient.callFields("Probe", [("grpc-encoding", "gzip")]),
            httpStatus: "200", code: .unimplemented),
        BadHead(
            name: "unknown method", fields: RawClient.callFields("Nothing"), httpStatus: "200", code: .unimplemented),
        BadHead(name: "unknown path", fields: replacing(":path", "/"), httpStatus: "200", code: .unimplemented),
        BadHead(
            name: "long header list",
            fields: RawClient.callFields("Probe", [("x-long", String(repeating: "x", count: 20_000))]),
            httpStatus: "431", code: .resourceExhausted),
    ]

    @Test(arguments: badHeads)
    func refusesHeads(_ head: BadHead) async throws {
        try await withTestServer { endpoint in
            let client = try RawClient(endpoint)
            // The long header list needs CONTINUATION.
            let block = RawClient.block(head.fields)
            client.send(RawClient.frame(1, block.count > 16_384 ? 0 : 4, 1, Array(block.prefix(16_384))))
            if block.count > 16_384 { client.send(RawClient.frame(9, 4, 1, Array(block.dropFirst(16_384)))) }
            client.data(1, RawClient.value(""))
            let answer = client.answer(1)
            #expect(answer.headers[":status"] == head.httpStatus)
            #expect(answer.status == head.code.rawValue)
            #expect(answer.isComplete)
            #expect((answer.headers["grpc-accept-encoding"] == "identity") == (head.name == "unknown encoding"))
            // The connection goes on.
            client.call(3, "Probe")
            #expect(client.answer(3).status == 0)
        }
    }

    @Test(arguments: [
        "application/grpc", "application/grpc+proto", "application/grpc;charset=utf-8", "application/grpc+proto;x=y",
    ])
    func acceptsContentTypes(_ type: String) async throws {
        try await withTestServer { endpoint in
            let client = try RawClient(endpoint)
            client.headers(1, Self.replacing("content-type", type))
            client.data(1, RawClient.value(""))
            let answer = client.answer(1)
            #expect(answer.status == 0)
            #expect(answer.body == RawClient.message([10, 2, 8, 1]))
        }
    }

    @Test(arguments: [
        ("compressed without an encoding", RawClient.message([], flag: 1), RPCCode.internalError),
        ("unknown flag", RawClient.message([], flag: 2), .internalError),
        ("two messages", RawClient.message([]) + RawClient.message([]), .internalError),
        ("no message", [], .internalError), ("cut prefix", [0, 0, 0], .internalError),
        ("cut message", [0, 0, 0, 0, 9, 10, 7], .internalError),
        ("declared 4 GiB", [0, 255, 255, 255, 255], .resourceExhausted),
        ("declared 4 MiB + 1", [0, 0, 64, 0, 1], .resourceExhausted),
        ("not protobuf", RawClient.message([0xFF, 0xFF, 0xFF]), .internalError),
        ("field past the end", RawClient.message([10, 200]), .internalError),
    ])
    func refusesBodies(_ name: String, _ body: [UInt8], _ code: RPCCode) async throws {
        let journal = Journal()
        var configuration = RPCServerConfiguration.forTests
        configuration.onRejected = { path, error in journal.note("\(path) \(error.code)") }
        try await withTestServer(testRouter(), configuration) { endpoint in
            let client = try RawClient(endpoint)
            client.headers(1, RawClient.callFields("Echo"))
            client.data(1, body)
            let answer = client.answer(1)
            #expect(answer.status == code.rawValue, "\(answer)")
            #expect(journal.all == ["/test.Service/Echo \(code)"])
            client.call(3, "Probe")
            #expect(client.answer(3).status == 0)
        }
    }

    @Test func messageMayArriveByteByByte() async throws {
        try await withTestServer { endpoint in
            let client = try RawClient(endpoint)
            client.headers(1, RawClient.callFields("Echo"))
            for byte in RawClient.value("slowly") { client.data(1, [byte], ends: false) }
            client.data(1, [])
            let answer = client.answer(1)
            #expect(answer.status == 0)
            #expect(answer.body == RawClient.value("slowly"))
        }
    }

    @Test func errorIsTrailersOnly() async throws {
        try await withTestServer { endpoint in
            let client = try RawClient(endpoint)
            client.call(1, "Fail", "50%\n\u{FC}")
            let answer = client.answer(1)
            #expect(answer.blocks == 1)
            #expect(answer.body.isEmpty)
            #expect(answer.headers[":status"] == "200")
            #expect(answer.headers["grpc-message"] == "50%25%0A%C3%BC")
            #expect(answer.headers["raw-bin"] == "AP8")
        }
    }

    @Test func metadataGoesBothWays() async throws {
        try await withTestServer { endpoint in
            let client = try RawClient(endpoint)
            client.call(1, "Echo", "x", [("echo-metadata", "hello"), ("echo-bin", "AQID"), ("user-agent", "raw/1")])
            let answer = client.answer(1)
            #expect(answer.headers["initial"] == "hello")
            #expect(answer.headers["trailing"] == "hello")
            #expect(answer.headers["bytes-bin"] == "AQID")
        }
    }

    @Test func earlyRefusalStopsTheSender() async throws {
        try await withTestServer { endpoint in
            let client = try RawClient(endpoint)
            client.headers(1, RawClient.callFields("Nothing"))
            let answer = client.answer(1)
            #expect(answer.status == RPCCode.unimplemented.rawValue)
            let reset = client.next()
            #expect(reset?.type == 3)
            #expect(reset?.payload == [0, 0, 0, 0])
            // What was under way is not held against the client.
            client.data(1, RawClient.value("late"))
            client.headers(1, [("late", "trailers")], ends: true)
            client.call(3, "Probe")
            #expect(client.answer(3).status == 0)
        }
    }

    @Test func streamNumbersMustRise() async throws {
        try await withTestServer { endpoint in
            let client = try RawClient(endpoint)
            client.call(5, "Probe")
            #expect(client.answer(5).status == 0)
            client.call(3, "Probe")
            #expect(client.answer(3).goAwayCode == 1)
            #expect(client.isClosed())
        }
    }

    @Test(arguments: [
        ("even stream", RawClient.frame(1, 5, 2, RawClient.block(RawClient.callFields("Probe"))), UInt32(1)),
        ("DATA on stream 0", RawClient.frame(0, 0, 0, [1]), 1),
        ("HEADERS on stream 0", RawClient.frame(1, 5, 0, RawClient.block(RawClient.callFields("Probe"))), 1),
        ("DATA on an idle stream", RawClient.frame(0, 0, 7, [1]), 1),
        ("short PING", RawClient.frame(6, 0, 0, [1]), 6),
        ("SETTINGS of five bytes", RawClient.frame(4, 0, 0, [1, 2, 3, 4, 5]), 6),
        ("window overflow", RawClient.frame(8, 0, 0, [127, 255, 255, 255]), 3),
        ("CONTINUATION out of place", RawClient.frame(9, 4, 1, []), 1),
        ("frame past the maximum", RawClient.frame(0, 0, 1, [UInt8](repeating: 0, count: 16_385)), 6),
        ("broken compression", RawClient.frame(1, 5, 1, [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF]), 9),
        ("pushed", RawClient.frame(5, 4, 1, [0, 0, 0, 2]), 1),
    ])
    func violationsEndTheConnection(_ name: String, _ frame: [UInt8], _ code: UInt32) async throws {
        try await withTestServer { endpoint in
            let client = try RawClient(endpoint)
            client.send(frame)
            #expect(client.isClosed())
            #expect(client.goAwayCode == code)
            let other = try RawClient(endpoint)
            other.call(1, "Probe")
            #expect(other.answer(1).status == 0)
        }
    }

    @Test(arguments: [
        Array("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".utf8), Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\r".utf8),
        [UInt8](repeating: 0, count: 100), [UInt8](repeating: 0xFF, count: 100), Array("PRI".utf8) + [0],
    ])
    func otherProtocolsAreClosed(_ bytes: [UInt8]) async throws {
        try await withTestServer { endpoint in
            let client = try RawClient(endpoint, preface: false)
            client.send(bytes)
            #expect(client.isClosed())
        }
    }
}
