import CSIProto
import Testing

@testable import CSITransport

@Suite("Connections that rest", .timeLimit(.minutes(5)))
struct IdleTests {
    @Test func idleConnectionIsKeptByDefault() async throws {
        var configuration = RPCServerConfiguration.forTests
        configuration.limits.bodyTimeout = .milliseconds(100 * slowdown)
        configuration.limits.headersTimeout = .milliseconds(100 * slowdown)
        configuration.limits.prefaceTimeout = .milliseconds(100 * slowdown)
        try await withTestServer(testRouter(), configuration) { endpoint in
            let client = try RawClient(endpoint)
            client.call(1, "Probe")
            #expect(client.answer(1).status == 0)
            #expect(!client.isClosed(within: Int32(400 * slowdown)))
            client.call(3, "Probe")
            #expect(client.answer(3).status == 0)
        }
    }

    @Test func idleTimeoutEndsWithGoAway() async throws {
        var configuration = RPCServerConfiguration.forTests
        configuration.limits.idleTimeout = .milliseconds(100 * slowdown)
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
        configuration.limits.idleTimeout = .milliseconds(100)
        try await withTestServer(testRouter(), configuration) { endpoint in
            let client = try RawClient(endpoint)
            client.headers(1, RawClient.callFields("Probe"))
            #expect(client.next(within: 30) != nil)
            #expect(!client.isClosed(within: 30))
            client.data(1, RawClient.value(""))
            #expect(client.answer(1).status == 0)
            #expect(client.isClosed())
            #expect(client.goAwayCode == 0)
        }
    }

    @Test func callsThatTakeLongAreNotIdle() async throws {
        var configuration = RPCServerConfiguration.forTests
        configuration.limits.idleTimeout = .milliseconds(100 * slowdown)
        configuration.limits.bodyTimeout = .milliseconds(100 * slowdown)
        configuration.limits.answerTimeout = .milliseconds(100 * slowdown)
        var router = testRouter()
        router.unary(TestMethods.hang) { (_, _) async throws(RPCError) in
            do { try await Task.sleep(for: .milliseconds(600 * slowdown)) } catch {}
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
        configuration.limits.bodyTimeout = .milliseconds(100 * slowdown)
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
            try await Task.sleep(for: .milliseconds(400 * slowdown))
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
                client.call(stream, "Block", "\(1_000_000 * slowdown)")
                #expect(await journal.wait(for: "block", count: Int(stream + 1) / 2))
                client.send(RawClient.frame(3, 0, stream, [0, 0, 0, 8]))
            }
            client.call(5, "Probe")
            #expect(client.answer(5).resetCode == 7)
            // Another connection has its own count.
            let other = try RawClient(endpoint)
            other.call(1, "Probe")
            #expect(other.answer(1).status == 0)
            #expect(await journal.wait(for: "unblock", count: 2))
            try await Task.sleep(for: .milliseconds(100))
            client.call(7, "Probe")
            #expect(client.answer(7).status == 0)
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
