public import ArgumentParser
public import CSICore
import CSIHost
import CSIHostPath
import CSIHostTracing
import CSILoopback
import Logging
import ServiceLifecycle
import SystemPackage
import UnixSignals

/// What `csi-controller` and `csi-node` have in common: everything but their role.
public enum DriverProgram {
    /// The help of a program.
    public static func configuration(name: String, abstract: String, discussion: String) -> CommandConfiguration {
        CommandConfiguration(
            commandName: name, abstract: abstract, discussion: discussion, version: SwiftCSIVersion.current)
    }

    /// Checks the configuration and serves until SIGTERM or SIGINT.
    /// - Throws: `ExitCode` 64 after printing every mistake of the configuration, 1 after printing why serving ended.
    public static func run(_ name: String, role: Role, options: DriverOptions) async throws {
        let configuration: DriverConfiguration
        do throws(ConfigurationMistakes) {
            configuration = try DriverConfiguration(options: options, environment: ProcessEnvironment.variables())
        } catch {
            for line in error.lines { complain(name, line) }
            throw ExitCode(64)
        }
        let handler = LineLogHandler(format: configuration.logFormat, level: configuration.logLevel)
        let logger = Logger(label: name) { _ in handler }
        let server = CSIServer(
            driver(configuration, role: role, logger: logger), role: role,
            configuration: .init(endpoint: configuration.endpoint), logger: logger)
        let group = ServiceGroup(
            configuration: .init(
                services: [
                    .init(service: await RunningOperationsReport(of: server)),
                    .init(service: server, successTerminationBehavior: .gracefullyShutdownGroup),
                ],
                gracefulShutdownSignals: [.sigterm, .sigint], logger: logger))
        do {
            try await group.run()
        } catch {
            complain(name, "\(error)")
            throw ExitCode(1)
        }
    }

    private static func driver(
        _ configuration: DriverConfiguration, role: Role, logger: Logger
    ) -> any CSIDriver {
        switch configuration.backend {
        case .hostPath(let hostPath):
            HostPathDriver(configuration: hostPath, role: role, host: LinuxHost().traced(), logger: logger)
        case .loopback(let loopback):
            LoopbackDriver(configuration: loopback, role: role, host: LinuxHost().traced(), logger: logger)
        }
    }

    private static func complain(_ name: String, _ line: String) {
        _ = try? FileDescriptor.standardError.writeAll("\(name): error: \(line)\n".utf8)
    }
}
