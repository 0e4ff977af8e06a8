import CSICore
import CSITransport
import Glibc
import Logging
import ServiceLifecycle
import Testing

@testable import CSIProgram

@Suite("The report of what runs", .timeLimit(.minutes(5)))
struct RunningOperationsReportTests {
    private struct NamedDriver: CSIDriver {
        let info: PluginInfo
    }

    @Test("Each SIGUSR1 is answered with one, until the shutdown")
    func signals() async throws {
        let log = RecordedLog { $0.message == "operations running" ? "report" : nil }
        let server = CSIServer(
            NamedDriver(info: try PluginInfo(name: "signal.example.com", version: "1")), role: .node,
            configuration: .init(endpoint: try Endpoint(parsing: "unix:///tmp/never-bound.sock")),
            logger: log.logger)
        let report = await RunningOperationsReport(of: server)
        let group = ServiceGroup(services: [report], logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        let running = Task { try await group.run() }
        for round in 1...3 {
            kill(getpid(), SIGUSR1)
            while log.lines.count < round { try await Task.sleep(for: .milliseconds(1)) }
        }
        await group.triggerGracefulShutdown()
        try await running.value
        #expect(log.lines.count == 3)
    }
}
