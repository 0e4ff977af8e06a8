import CSIProto
import CSITransport
import Testing

@Suite("Unary calls", .timeLimit(.minutes(5)))
struct UnaryTests {
    @Test(arguments: Carrier.allCases) func answers(_ carrier: Carrier) async throws {
        try await withTestClient(carrier) { client in
            let answer = try await client.unary(TestMethods.probe, TestMessage())
            #expect(answer.value == [8, 1])
            let echo = try await client.unary(TestMethods.echo, TestMessage("hello"))
            #expect(echo.text == "hello")
        }
    }

    @Test(arguments: Carrier.allCases) func answersAtOnce(_ carrier: Carrier) async throws {
        var router = RPCRouter()
        router.immediate(TestMethods.echo) { (request, context) throws(RPCError) in
            if request.value.isEmpty { throw RPCError(code: .outOfRange, message: context.method) }
            return request
        }
        try await withTestClient(carrier, router) { client in
            let answer = try await client.unary(TestMethods.echo, TestMessage("now"))
            #expect(answer.text == "now")
            let error = await #expect(throws: RPCError.self) {
                try await client.unary(TestMethods.echo, TestMessage())
            }
            #expect(error == RPCError(code: .outOfRange, message: "/test.Service/Echo"))
        }
    }

    @Test(arguments: Carrier.allCases) func carriesErrors(_ carrier: Carrier) async throws {
        try await withTestClient(carrier) { client in
            let error = await #expect(throws: RPCError.self) {
                try await client.unary(TestMethods.fail, TestMessage("100 % wrong:\n\u{E4}\u{1F600}"))
            }
            #expect(error?.code == .failedPrecondition)
            #expect(error?.message == "100 % wrong:\n\u{E4}\u{1F600}")
            #expect(error?.metadata["reason"] == "on-purpose")
            #expect(error?.metadata.binaryValues(for: "raw-bin") == [[0, 255]])
        }
    }

    @Test(arguments: Carrier.allCases) func unknownMethodIsUnimplemented(_ carrier: Carrier) async throws {
        let journal = Journal()
        var configuration = RPCServerConfiguration.forTests
        configuration.onRejected = { path, error in journal.note("\(path) \(error.code)") }
        try await withTestClient(carrier, testRouter(), configuration) { client in
            let error = await #expect(throws: RPCError.self) {
                try await client.unary(TestMethods.missing, TestMessage())
            }
            #expect(error?.code == .unimplemented)
            #expect(journal.all == ["/test.Service/Missing UNIMPLEMENTED"])
        }
    }

    @Test(arguments: [0, 1, 16_379, 16_384, 70_000, 1_000_000, 4 * 1024 * 1024 - 16], Carrier.allCases)
    func echoesMessages(ofSize size: Int, _ carrier: Carrier) async throws {
        try await withTestClient(carrier) { client in
            var bytes = [UInt8](repeating: 1, count: size)
            for index in stride(from: 0, to: size, by: 1_021) {
                bytes[index] = UInt8(truncatingIfNeeded: index / 1_021)
            }
            let message = TestMessage(value: bytes)
            let answer = try await client.unary(TestMethods.echo, message)
            #expect(answer == message)
        }
    }

    @Test(arguments: Carrier.allCases) func refusesTooLargeRequests(_ carrier: Carrier) async throws {
        try await withTestClient(carrier) { client in
            let error = await #expect(throws: RPCError.self) {
                try await client.unary(
                    TestMethods.echo, TestMessage(value: [UInt8](repeating: 1, count: 4 * 1024 * 1024 + 1)))
            }
            #expect(error?.code == .resourceExhausted)
            let answer = try await client.unary(TestMethods.probe, TestMessage())
            #expect(answer.value == [8, 1])
        }
    }

    @Test(arguments: Carrier.allCases) func deadlineEndsTheCallAndCancelsTheHandler(_ carrier: Carrier) async throws {
        let journal = Journal()
        try await withTestClient(carrier, testRouter(journal)) { client in
            let start = ContinuousClock.now
            let error = await #expect(throws: RPCError.self) {
                try await client.unary(TestMethods.hang, TestMessage(), timeout: .seconds(2))
            }
            #expect(error?.code == .deadlineExceeded)
            #expect(ContinuousClock.now - start < .seconds(30))
            #expect(await journal.wait(for: "cancelled"))
            #expect(journal.count("hang with deadline") == 1)
        }
    }

    @Test(arguments: Carrier.allCases) func cancellationReachesTheHandler(_ carrier: Carrier) async throws {
        let journal = Journal()
        try await withTestClient(carrier, testRouter(journal)) { client in
            let call = Task { try await client.unary(TestMethods.hang, TestMessage()) }
            #expect(await journal.wait(for: "hang"))
            call.cancel()
            let error = await #expect(throws: RPCError.self) { try await call.value }
            #expect(error?.code == .cancelled)
            #expect(await journal.wait(for: "cancelled"))
        }
    }

    @Test func manyCallsAndConnectionsAtOnce() async throws {
        try await withTestServer { endpoint in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for connection in 0..<8 {
                    group.addTask {
                        let client = try await RPCClient.connect(to: endpoint, timeout: .seconds(60))
                        defer { client.close() }
                        try await withThrowingTaskGroup(of: Void.self) { calls in
                            for index in 0..<100 {
                                calls.addTask {
                                    let text = "\(connection)/\(index)"
                                    let answer = try await client.unary(TestMethods.echo, TestMessage(text))
                                    #expect(answer.text == text)
                                }
                            }
                            try await calls.waitForAll()
                        }
                    }
                }
                try await group.waitForAll()
            }
        }
    }
}
