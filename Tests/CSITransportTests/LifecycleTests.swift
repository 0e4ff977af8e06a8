import CSIProto
import Glibc
import ServiceLifecycle
import Testing

@testable import CSITransport

@Suite("Life cycle and blocking work", .timeLimit(.minutes(5)))
struct LifecycleTests {
    @Test func drainsBeforeItEnds() async throws {
        var router = testRouter()
        let journal = Journal()
        router.unary(TestMethods.hang) { (_, _) async throws(RPCError) in
            journal.note("began")
            do { try await Task.sleep(for: .milliseconds(300)) } catch { journal.note("cancelled") }
            return TestMessage("done")
        }
        let directory = ScratchDirectory()
        var configuration = RPCServerConfiguration.forTests
        configuration.drainTimeout = .seconds(60)
        let server = RPCServer(endpoint: try directory.endpoint(), router: router, configuration: configuration)
        try server.bind()
        async let running: Void = server.run()
        let client = try await RPCClient.connect(to: server.endpoint, timeout: .seconds(60))
        async let answer = client.unary(TestMethods.hang, TestMessage())
        #expect(await journal.wait(for: "began"))
        let start = ContinuousClock.now
        server.beginGracefulShutdown()
        server.beginGracefulShutdown()
        let text = try await answer.text
        #expect(text == "done")
        try await running
        #expect(ContinuousClock.now - start < .seconds(30))
        #expect(journal.count("cancelled") == 0)
        #expect(access(server.endpoint.path, F_OK) != 0)
    }

    @Test func aShutdownBeforeTheFirstTurnLeavesNoSocket() async throws {
        for _ in 0..<50 {
            let directory = ScratchDirectory()
            let server = RPCServer(
                endpoint: try directory.endpoint(), router: testRouter(), configuration: .forTests)
            try server.bind()
            async let running: Void = server.run()
            server.beginGracefulShutdown()
            try await running
            #expect(access(server.endpoint.path, F_OK) != 0)
        }
    }

    @Test func cancelsWhatDoesNotEnd() async throws {
        let journal = Journal()
        let directory = ScratchDirectory()
        let server = RPCServer(
            endpoint: try directory.endpoint(), router: testRouter(journal), configuration: .forTests)
        async let running: Void = server.run()
        let client = try await RPCClient.connect(to: server.endpoint, timeout: .seconds(60))
        let answer = Task { try await client.unary(TestMethods.hang, TestMessage()) }
        #expect(await journal.wait(for: "hang"))
        server.beginGracefulShutdown()
        let error = await #expect(throws: RPCError.self) { try await answer.value }
        #expect(error?.code == .unavailable)
        try await running
        #expect(journal.count("cancelled") == 1)
    }

    @Test func givesUpAndReportsWhatIsStuck() async throws {
        let journal = Journal()
        let executor = BlockingExecutor(name: "stuck", maximumThreads: 4)
        let directory = ScratchDirectory()
        var configuration = RPCServerConfiguration.forTests
        configuration.drainTimeout = .milliseconds(50)
        configuration.cancellationTimeout = .milliseconds(100)
        configuration.onAbandoned = { calls in
            for call in calls { journal.note("abandoned \(call.method)") }
        }
        let server = RPCServer(
            endpoint: try directory.endpoint(), router: testRouter(journal, executor: executor),
            configuration: configuration)
        async let running: Void = server.run()
        let client = try await RPCClient.connect(to: server.endpoint, timeout: .seconds(60))
        let answer = Task { try await client.unary(TestMethods.block, TestMessage()) }
        #expect(await journal.wait(for: "block"))
        server.beginGracefulShutdown()
        try await running
        #expect(journal.count("abandoned /test.Service/Block") == 1)
        let error = await #expect(throws: RPCError.self) { try await answer.value }
        #expect(error?.code == .unavailable)
        // The call comes back into a server that is gone, and nothing happens.
        journal.note("go on")
        #expect(await journal.wait(for: "unblock"))
        try await Task.sleep(for: .milliseconds(100))
    }

    @Test func goAwayPrecedesTheEnd() async throws {
        let journal = Journal()
        let directory = ScratchDirectory()
        var configuration = RPCServerConfiguration.forTests
        configuration.drainTimeout = .milliseconds(500)
        let server = RPCServer(
            endpoint: try directory.endpoint(), router: testRouter(journal), configuration: configuration)
        try server.bind()
        async let running: Void = server.run()
        let client = try RawClient(server.endpoint)
        client.call(1, "Hang")
        #expect(await journal.wait(for: "hang"))
        server.beginGracefulShutdown()
        let answer = client.answer(1)
        #expect(answer.status == RPCCode.unavailable.rawValue)
        #expect(client.isClosed())
        #expect(client.goAwayCode == 0)
        try await running
    }

    @Test func aServerIsUsedOnce() async throws {
        let directory = ScratchDirectory()
        let server = RPCServer(endpoint: try directory.endpoint(), router: testRouter(), configuration: .forTests)
        try server.bind()
        #expect(throws: EndpointError.alreadyUsed) { try server.bind() }
        server.beginGracefulShutdown()
        // Shut down before it ran: it ends at once.
        try await server.run()
    }

    @Test func cancellingTheTaskEndsTheServer() async throws {
        let directory = ScratchDirectory()
        let server = RPCServer(endpoint: try directory.endpoint(), router: testRouter(), configuration: .forTests)
        try server.bind()
        let running = Task { try await server.run() }
        let client = try await RPCClient.connect(to: server.endpoint, timeout: .seconds(60))
        _ = try await client.unary(TestMethods.probe, TestMessage())
        running.cancel()
        try await running.value
    }

    @Test func scopedServer() async throws {
        let directory = ScratchDirectory()
        let endpoint = try directory.endpoint()
        let text = try await withRPCServer(
            endpoint: endpoint, router: testRouter(), configuration: .forTests
        ) { server in
            let client = try await RPCClient.connect(to: server.endpoint, timeout: .seconds(60))
            return try await client.unary(TestMethods.echo, TestMessage("scoped")).text
        }
        #expect(text == "scoped")
        #expect(access(endpoint.path, F_OK) != 0)
    }

    @Test func isAServiceOfAGroup() async throws {
        let directory = ScratchDirectory()
        let server = RPCServer(endpoint: try directory.endpoint(), router: testRouter(), configuration: .forTests)
        try server.bind()
        let group = ServiceGroup(services: [server], logger: .silent)
        async let running: Void = group.run()
        let client = try await RPCClient.connect(to: server.endpoint, timeout: .seconds(60))
        _ = try await client.unary(TestMethods.probe, TestMessage())
        await group.triggerGracefulShutdown()
        try await running
        #expect(access(server.endpoint.path, F_OK) != 0)
    }

    // MARK: Tasks

    /// The tasks of calls are used again, but not one that was cancelled.
    @Test func noCallInheritsACancellation() async throws {
        let journal = Journal()
        var router = testRouter(journal)
        router.unary(TestMethods.echo) { (_, _) async throws(RPCError) in
            await Task.yield()
            return TestMessage(Task.isCancelled ? "cancelled" : "well")
        }
        try await withTestServer(router) { endpoint in
            let client = try RawClient(endpoint)
            var stream: Int32 = 1
            for _ in 0..<5 {
                for _ in 0..<10 {
                    client.call(stream, "Echo")
                    #expect(client.answer(stream).body == RawClient.value("well"))
                    stream += 2
                }
                let cancelled = journal.count("cancelled")
                client.call(stream, "Hang")
                #expect(await journal.wait(for: "hang", count: cancelled + 1))
                client.send(RawClient.frame(3, 0, stream, [0, 0, 0, 8]))
                #expect(await journal.wait(for: "cancelled", count: cancelled + 1))
                stream += 2
            }
        }
    }

    @Test(arguments: Carrier.allCases) func manyTasksAtOnce(_ carrier: Carrier) async throws {
        var configuration = RPCServerConfiguration.forTests
        configuration.limits.callsPerConnection = 1_000
        var router = testRouter()
        router.unary(TestMethods.echo) { (request, _) async throws(RPCError) in
            do { try await Task.sleep(for: .milliseconds(20)) } catch {}
            return request
        }
        try await withTestClient(carrier, router, configuration) { client in
            for _ in 0..<3 {
                // More than are kept.
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for index in 0..<300 {
                        group.addTask {
                            let answer = try await client.unary(TestMethods.echo, TestMessage("\(index)"))
                            #expect(answer.text == "\(index)")
                        }
                    }
                    try await group.waitForAll()
                }
            }
        }
    }

    // MARK: Blocking work

    @Test func stuckHandlersDelayNeitherProbeNorShutdown() async throws {
        let journal = Journal()
        let executor = BlockingExecutor(name: "stuck", maximumThreads: 64)
        let directory = ScratchDirectory()
        var configuration = RPCServerConfiguration.forTests
        configuration.drainTimeout = .milliseconds(100)
        configuration.cancellationTimeout = .milliseconds(100)
        let server = RPCServer(
            endpoint: try directory.endpoint(), router: testRouter(journal, executor: executor),
            configuration: configuration)
        async let running: Void = server.run()
        let client = try await RPCClient.connect(to: server.endpoint, timeout: .seconds(60))
        let stuck = Task {
            await withTaskGroup(of: Void.self) { group in
                for _ in 0..<64 {
                    group.addTask {
                        _ = try? await client.unary(TestMethods.block, TestMessage())
                    }
                }
            }
        }
        #expect(await journal.wait(for: "block", count: 64))
        #expect(executor.threadCount == 64)
        for _ in 0..<20 {
            _ = try await client.unary(TestMethods.probe, TestMessage())
        }
        server.beginGracefulShutdown()
        try await running
        #expect(journal.count("unblock") == 0)
        journal.note("go on")
        await stuck.value
        #expect(await journal.wait(for: "unblock", count: 64))
    }

    @Test func blockingThreadsStartOnDemandAndEnd() async throws {
        let executor = BlockingExecutor(name: "short", maximumThreads: 3, idleSeconds: 1)
        #expect(executor.threadCount == 0)
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<20 { group.addTask(executorPreference: executor) { usleep(10_000) } }
        }
        #expect(executor.threadCount <= 3)
        let haveEnded = await eventually { executor.threadCount == 0 }
        #expect(haveEnded)
    }

    // MARK: Volume

    @Test func largeAnswersNeverStall() async throws {
        let rounds = Int(getenv("CSI_STALL_ROUNDS").map { String(cString: $0) } ?? "") ?? 40
        try await withTestClient { client in
            for _ in 0..<rounds {
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for _ in 0..<10 {
                        group.addTask {
                            let answer = try await client.unary(
                                TestMethods.large, TestMessage("203000"), timeout: .seconds(60))
                            #expect(answer.value.count == 203_000)
                        }
                    }
                    try await group.waitForAll()
                }
            }
        }
    }

    @Test func soak() async throws {
        let calls = Int(getenv("CSI_SOAK_CALLS").map { String(cString: $0) } ?? "") ?? 4_000
        try await withTestServer { endpoint in
            var settled = 0
            for round in 0..<max(1, calls / 400) {
                let client = try await RPCClient.connect(to: endpoint, timeout: .seconds(60))
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for index in 0..<400 {
                        group.addTask {
                            let text = String(repeating: "x", count: index)
                            let answer = try await client.unary(TestMethods.echo, TestMessage(text))
                            #expect(answer.value.count == index)
                        }
                    }
                    try await group.waitForAll()
                }
                client.close()
                if round == 4 { settled = residentBytes() }
            }
            // Other tests share the process: only a leak that grows with the calls shows.
            if settled > 0 { #expect(residentBytes() - settled < 64 * 1024 * 1024) }
        }
    }
}
