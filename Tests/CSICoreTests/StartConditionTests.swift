import CSIProto
import CSITransport
import Glibc
import Logging
import Synchronization
import Testing

@testable import CSICore

@Suite("What a driver waits for", .timeLimit(.minutes(5)))
struct StartConditionTests {
    /// Misses something until it is told otherwise, and then fails where it is told to.
    private final class Condition: StartCondition {
        enum State: Sendable {
            case missing([String])
            case failed
        }

        let state: Mutex<State>
        let looks = Atomic(0)

        init(_ state: State) {
            self.state = Mutex(state)
        }

        func missing() async throws(CSIError) -> [String] {
            looks.add(1, ordering: .relaxed)
            switch state.withLock({ $0 }) {
            case .missing(let missing): return missing
            case .failed: throw .preconditionFailed("the kernel is too old")
            }
        }
    }

    /// Notes when it was checked and started.
    private struct Driver: CSIDriver {
        let info: PluginInfo
        let steps: Steps

        final class Steps: Sendable {
            let taken = Mutex<[String]>([])
        }

        func preflight() async throws(CSIError) { steps.taken.withLock { $0.append("preflight") } }
        func start() async throws(CSIError) { steps.taken.withLock { $0.append("start") } }
    }

    private func serving(
        _ condition: Condition, _ body: (RPCClient, Driver.Steps) async throws -> Void
    ) async throws {
        var template = Array("/tmp/swift-csi-test.XXXXXX".utf8CString)
        let directory = try #require(mkdtemp(&template).map { String(cString: $0) })
        defer { rmdir(directory) }
        let endpoint = try Endpoint(parsing: "unix://\(directory)/csi.sock")
        var configuration = CSIServer.Configuration(endpoint: endpoint, startCondition: condition)
        configuration.startInterval = .milliseconds(5)
        let driver = Driver(info: try PluginInfo(name: "waiting.example.com", version: "1"), steps: Driver.Steps())
        let server = CSIServer(
            driver, role: .node, configuration: configuration,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        let running = Task { try await server.run() }
        defer { unlink(endpoint.path) }
        guard let client = try? await RPCClient.connect(to: endpoint, timeout: .seconds(60)) else {
            return try await running.value
        }
        try await body(client, driver.steps)
        client.close()
        server.beginGracefulShutdown()
        try await running.value
    }

    @Test("Until nothing is missing any more the socket answers, not ready, and the driver has not been touched")
    func waiting() async throws {
        let condition = Condition(.missing(["pool.mount: /pool is not a mount"]))
        try await serving(condition) { client, steps in
            while condition.looks.load(ordering: .relaxed) < 3 { try await Task.sleep(for: .milliseconds(1)) }
            #expect(try await client.unary(CSIv1.Identity.probe, .init()).ready?.value == false)
            #expect(steps.taken.withLock { $0 } == [])
            condition.state.withLock { $0 = .missing([]) }
            while try await client.unary(CSIv1.Identity.probe, .init()).ready?.value != true {
                try await Task.sleep(for: .milliseconds(1))
            }
            #expect(steps.taken.withLock { $0 } == ["preflight", "start"])
        }
    }

    @Test("A server that waits can be stopped")
    func stopping() async throws {
        try await serving(Condition(.missing(["something"]))) { client, steps in
            let answer = try await client.unary(CSIv1.Identity.probe, .init())
            #expect(answer.ready?.value == false)
            #expect(steps.taken.withLock { $0 } == [])
        }
    }

    @Test("What cannot come ends the process, also when it shows only later")
    func failing() async throws {
        let condition = Condition(.missing(["something"]))
        await #expect(throws: CSIError.self) {
            try await serving(condition) { client, _ in
                condition.state.withLock { $0 = .failed }
                while (try? await client.unary(CSIv1.Identity.probe, .init())) != nil {
                    try await Task.sleep(for: .milliseconds(1))
                }
            }
        }
    }
}
