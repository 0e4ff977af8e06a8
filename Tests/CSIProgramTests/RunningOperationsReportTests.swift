import CSICore
import CSITransport
import Glibc
import Logging
import ServiceLifecycle
import Synchronization
import Testing

@testable import CSIProgram

@Suite("The report of what runs", .timeLimit(.minutes(1)))
struct RunningOperationsReportTests {
    private struct NamedDriver: CSIDriver {
        let info: PluginInfo
    }

    /// Counts lines.
    private final class Lines: Sendable {
        let count = Atomic(0)
    }

    private struct Handler: LogHandler {
        let lines: Lines
        var logLevel = Logger.Level.info
        var metadata: Logger.Metadata = [:]

        init(lines: Lines) {
            self.lines = lines
        }

        subscript(metadataKey key: String) -> Logger.MetadataValue? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            if event.message == "operations running" { lines.count.add(1, ordering: .relaxed) }
        }
    }

    @Test("Each SIGUSR1 is answered with one, until the shutdown")
    func signals() async throws {
        let lines = Lines()
        let server = CSIServer(
            NamedDriver(info: try PluginInfo(name: "signal.example.com", version: "1")), role: .node,
            configuration: .init(endpoint: try Endpoint(parsing: "unix:///tmp/never-bound.sock")),
            logger: Logger(label: "test") { _ in Handler(lines: lines) })
        let report = await RunningOperationsReport(of: server)
        let group = ServiceGroup(services: [report], logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        let running = Task { try await group.run() }
        for round in 1...3 {
            kill(getpid(), SIGUSR1)
            while lines.count.load(ordering: .relaxed) < round { try await Task.sleep(for: .milliseconds(1)) }
        }
        await group.triggerGracefulShutdown()
        try await running.value
        #expect(lines.count.load(ordering: .relaxed) == 3)
    }
}
