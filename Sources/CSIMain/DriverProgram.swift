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
    /// - Parameters:
    ///   - name: The program's name, for its messages.
    ///   - role: What it serves; a node's options may add the Controller service.
    ///   - options: Its flags.
    ///   - nodeOptions: The flags that only `csi-node` has.
    /// - Throws: `ExitCode` 64 after printing every mistake of the configuration, 1 after printing why serving ended.
    public static func run(
        _ name: String, role: Role, options: DriverOptions, nodeOptions: NodeOptions? = nil
    ) async throws {
        let configuration: DriverConfiguration
        do throws(ConfigurationMistakes) {
            configuration = try DriverConfiguration(
                options: options, nodeOptions: nodeOptions, environment: ProcessEnvironment.variables())
        } catch {
            for line in error.lines { complain(name, line) }
            throw ExitCode(64)
        }
        let handler = LineLogHandler(format: configuration.logFormat, level: configuration.logLevel)
        let logger = Logger(label: name) { _ in handler }
        let role = configuration.withController ? .all : role
        // Before the server makes its metrics.
        let page = configuration.httpEndpoint.map { _ in MetricsPage() }
        let server = CSIServer(
            driver(configuration, role: role, logger: logger), role: role,
            configuration: .init(endpoint: configuration.endpoint), logger: logger)
        do {
            var services: [ServiceGroupConfiguration.ServiceConfiguration] = [
                .init(service: await RunningOperationsReport(of: server)),
                .init(service: server, successTerminationBehavior: .gracefullyShutdownGroup),
            ]
            if let registration = configuration.registration {
                services.append(
                    .init(
                        service: try KubeletRegistration(
                            of: server, socketOnHost: registration.socketOnHost, registry: registration.registry,
                            logger: logger),
                        successTerminationBehavior: .ignore))
            }
            if let address = configuration.httpEndpoint, let page {
                services.append(
                    .init(
                        service: try OperatorEndpoint(
                            at: address, for: server, on: configuration.endpoint, page: page, logger: logger)))
            }
            let group = ServiceGroup(
                configuration: .init(
                    services: services, gracefulShutdownSignals: [.sigterm, .sigint], logger: logger))
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
