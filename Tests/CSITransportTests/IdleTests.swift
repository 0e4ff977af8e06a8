import CSIProto
import Testing

@testable import CSITransport

@Suite("Connections that rest", .timeLimit(.minutes(5)))
struct IdleTests {
    @Test func idleConnectionIsKeptByDefault() async throws {
        var configuration = RPCServerConfiguration.forTests
        configuration.limits.bodyTimeout = .seconds(2)
        configuration.limits.headersTimeout = .seconds(2)
        configuration.limits.prefaceTimeout = .seconds(2)
        try await withTestServer(testRouter(), configuration) { endpoint in
            let client = try RawClient(endpoint)
            client.call(1, "Probe")
            #expect(client.answer(1).status == 0)
            #expect(!client.isClosed(within: 3_000))
            client.call(3, "Probe")
            #expect(client.answer(3).status == 0)
        }
    }

    @Test func idleTimeoutEndsWithGoAway() async throws {
        var configuration = RPCServerConfiguration.forTests
        configuration.limits.idleTimeout = .seconds(2)
        try await withTestServer(testRouter(), configuration) { endpoint in
            let client = try RawClient(endpoint)
            client.call(1, "Probe")
            #expect(client.answer(1).status == 0)
            #expect(client.isClosed())
            #expect(client.goAwayCode == 0)
        }
    }

    @Test func idleTimeoutCountsFromARequestThatCameInPieces() async throws {
        var configuration = RPCServerConfiguration.forTests
        configuration.limits.idleTimeout = .seconds(2)
        try await withTestServer(testRouter(), configuration) { endpoint in
            let client = try RawClient(endpoint)
            client.headers(1, RawClient.callFields("Probe"))
            #expect(client.next() != nil)
            #expect(!client.isClosed(within: 30))
            client.data(1, RawClient.value(""))
            #expect(client.answer(1).status == 0)
            #expect(client.isClosed())
            #expect(client.goAwayCode == 0)
        }
    }

    @Test func callsThatTakeLongAreNotIdle() async throws {
        var configuration = RPCServerConfiguration.forTests
        configuration.limits.idleTimeout = .seconds(4)
        configuration.limits.bodyTimeout = .seconds(4)
        configuration.limits.answerTimeout = .seconds(4)
        var router = testRouter()
        router.unary(TestMethods.hang) { (_, _) async throws(RPCError) in
            do { try await Task.sleep(for: .seconds(9)) } catch {}
            return TestMessage("done")
        }
        try await withTestServer(router, configuration) { endpoint in
            let client = try RawClient(endpoint)
            client.call(1, "Hang")
            let answer = client.answer(1)
            #expect(answer.status == 0)
            #expect(answer.body == RawClient.value("done"))
        }
    }

    @Test func streamingRequestMayRestBetweenMessages() async throws {
        let method = RPCMethod<TestMessage, TestMessage>(service: "test.Service", name: "Sum", requestStreaming: true)
        var configuration = RPCServerConfiguration.forTests
        configuration.limits.bodyTimeout = .seconds(1)
        var router = RPCRouter()
        router.clientStreaming(method) { (reader, _) async throws(RPCError) in
            var count = 0
            while try await reader.next() != nil { count += 1 }
            return TestMessage("\(count)")
        }
        try await withTestServer(router, configuration) { endpoint in
            let client = try RawClient(endpoint)
            client.headers(1, RawClient.callFields("Sum"))
            client.data(1, RawClient.value("one"), ends: false)
            try await Task.sleep(for: .seconds(2))
            client.data(1, RawClient.value("two"))
            #expect(client.answer(1).body == RawClient.value("2"))
            // Inside a message it may not.
            client.headers(3, RawClient.callFields("Sum"))
            client.data(3, [0, 0], ends: false)
            #expect(client.answer(3).status == RPCCode.cancelled.rawValue)
        }
    }

    @Test func oneCallTooManyIsRefused() async throws {
        let journal = Journal()
        var configuration = RPCServerConfiguration.forTests
        configuration.limits.callsPerConnection = 3
        try await withTestServer(testRouter(journal), configuration) { endpoint in
            let client = try RawClient(endpoint)
            for stream in [1, 3, 5] as [Int32] { client.call(stream, "Hang") }
            #expect(await journal.wait(for: "hang", count: 3))
            client.call(7, "Probe")
            #expect(client.answer(7).resetCode == 7)
            client.send(RawClient.frame(3, 0, 1, [0, 0, 0, 8]))
            #expect(await journal.wait(for: "cancelled"))
            client.call(9, "Probe")
            #expect(client.answer(9).status == 0)
        }
    }

    @Test func aResetCallCountsUntilItsHandlerEnds() async throws {
        let journal = Journal()
        let executor = BlockingExecutor(name: "blocked", maximumThreads: 4)
        var configuration = RPCServerConfiguration.forTests
        configuration.limits.callsPerConnection = 2
        try await withTestServer(testRouter(journal, executor: executor), configuration) { endpoint in
            let client = try RawClient(endpoint)
            for stream in [1, 3] as [Int32] {
                client.call(stream, "Block")
                #expect(await journal.wait(for: "block", count: Int(stream + 1) / 2))
                client.send(RawClient.frame(3, 0, stream, [0, 0, 0, 8]))
            }
            client.call(5, "Probe")
            #expect(client.answer(5).resetCode == 7)
            // Another connection has its own count.
            let other = try RawClient(endpoint)
            other.call(1, "Probe")
            #expect(other.answer(1).status == 0)
            journal.note("go on")
            // The server learns of each handler's end somewhat later.
            var stream: Int32 = 7
            let isTaken = await eventually {
                defer { stream += 2 }
                client.call(stream, "Probe")
                return client.answer(stream).status == 0
            }
            #expect(isTaken)
        }
    }

    @Test func theServersCallsAreSharedFairly() async throws {
        let journal = Journal()
        var configuration = RPCServerConfiguration.forTests
        configuration.limits.calls = 5
        configuration.limits.guaranteedCallsPerConnection = 1
        try await withTestServer(testRouter(journal), configuration) { endpoint in
            let flood = try RawClient(endpoint)
            for index in 0..<8 { flood.call(Int32(index) * 2 + 1, "Hang") }
            #expect(flood.answer(15).resetCode == 7)
            #expect(await journal.wait(for: "hang", count: 5))
            let other = try RawClient(endpoint)
            other.call(1, "Probe")
            #expect(other.answer(1).status == 0)
        }
    }
}
