public import CSICore
public import CSIHost
public import CSIPreflight
import CSITransport
import Glibc
public import Logging
import ServiceLifecycle
import SystemPackage
import UnixSignals

/// The program around a driver: settings, log, signals, exit code.
///
/// ```swift
/// public let scratch = DriverProgram(name: "csi-scratch", variablePrefix: "SCRATCH_") { settings, role, logger in
///     let node = settings.nodeID(Setting(flag: "--node-id", variable: "SCRATCH_NODE_ID", help: "This node's name."))
///     guard let node else { return nil }
///     return ScratchDriver(nodeID: node)
/// }
/// ```
///
/// The main of each role is then one line: `await scratch.main(.controller)`.
public struct DriverProgram: Sendable {
    /// Makes the driver from its settings; nil when one of them is wrong, which the reader has noted.
    ///
    /// It may wait, for example for a metadata service that knows what was not set.
    public typealias Make =
        @Sendable (inout SettingReader, Role, Logger) async throws(CSIError) -> (any CSIDriver)?

    private let name: String
    private let settings: ServingSettings
    private let preflight: Preflight
    private let make: Make

    /// Creates a program.
    /// - Parameters:
    ///   - name: What messages and the log call the program.
    ///   - variablePrefix: What the names of its environment variables begin with, for example `SCRATCH_`; a variable
    ///     that begins so and that nobody reads is a mistake.
    ///   - preflight: What the driver needs of its machine.
    ///   - make: Reads the driver's settings and makes the driver. Asked for help, the program calls it to learn which
    ///     settings there are.
    public init(
        name: String, variablePrefix: String, preflight: Preflight = Preflight(), make: @escaping Make
    ) {
        self.name = name
        self.settings = ServingSettings(variablePrefix: variablePrefix)
        self.preflight = preflight
        self.make = make
    }

    /// Runs the program with the arguments and the environment of this process, and ends the process.
    public func main(_ role: Role) async -> Never {
        let status = await run(
            role, arguments: Array(CommandLine.arguments.dropFirst()), environment: ProcessEnvironment.variables())
        exit(status)
    }

    /// Runs the program: checks all settings, then serves until SIGTERM or SIGINT.
    /// - Returns: The exit code: 0 after a shutdown or the help, 1 when serving ended otherwise, 64 when settings are
    ///   wrong; standard error then says why.
    public func run(_ role: Role, arguments: [String], environment: [String: String]) async -> Int32 {
        let flags = CommandLineFlags(arguments)
        var reader = SettingReader(environment: environment) { flags[$0.flag] }
        let serving = ServingConfiguration(from: &reader, settings, role: role)
        let handler = LineLogHandler(format: serving?.logFormat ?? .text, level: serving?.logLevel ?? .info)
        let logger = Logger(label: name) { _ in handler }
        do throws(CSIError) {
            let driver = try await make(&reader, serving?.role ?? role, logger)
            if flags.wantsHelp { return help(reader) }
            reader.reportUnknown(
                arguments: flags.unknown(besides: reader.known.map(\.setting.flag)),
                variablePrefix: settings.variablePrefix)
            guard let driver, let serving, reader.mistakes.isEmpty else { return complain(reader.mistakes, status: 64) }
            return await serve(driver, serving, logger)
        } catch {
            return flags.wantsHelp ? help(reader) : complain([error.message], status: 64)
        }
    }

    private func serve(_ driver: any CSIDriver, _ serving: ServingConfiguration, _ logger: Logger) async -> Int32 {
        do {
            try await Self.serve(driver, serving, preflight: preflight, logger: logger)
            return 0
        } catch {
            return complain(["\(error)"], status: 1)
        }
    }

    /// Serves a driver until SIGTERM or SIGINT, with health, metrics and registration as they are configured; SIGUSR1 logs
    /// what is running.
    /// - Parameters:
    ///   - driver: The driver.
    ///   - serving: Socket, role, health, metrics, registration.
    ///   - preflight: What the driver needs of its machine; it is not ready before that is there.
    ///   - host: The machine.
    ///   - logger: Receives one line per call.
    /// - Throws: Why serving ended otherwise.
    public static func serve(
        _ driver: any CSIDriver, _ serving: ServingConfiguration, preflight: Preflight = Preflight(),
        on host: any Host = LinuxHost(), logger: Logger
    ) async throws {
        // Before the server makes its metrics.
        let page = serving.httpEndpoint.map { _ in MetricsPage(for: driver) }
        let condition = PreflightCondition(preflight, on: host, logger: logger)
        let server = CSIServer(
            driver, role: serving.role,
            configuration: .init(endpoint: serving.endpoint, startCondition: condition), logger: logger)
        var services: [ServiceGroupConfiguration.ServiceConfiguration] = [
            .init(service: await RunningOperationsReport(of: server)),
            .init(service: server, successTerminationBehavior: .gracefullyShutdownGroup),
        ]
        if let registration = serving.registration {
            services.append(
                .init(
                    service: try KubeletRegistration(
                        of: server, socketOnHost: registration.socketOnHost, registry: registration.registry,
                        logger: logger),
                    successTerminationBehavior: .ignore))
        }
        if let address = serving.httpEndpoint, let page {
            services.append(
                .init(
                    service: try OperatorEndpoint(
                        at: address, for: server, on: serving.endpoint, page: page, logger: logger)))
        }
        let group = ServiceGroup(
            configuration: .init(
                services: services, gracefulShutdownSignals: [.sigterm, .sigint], logger: logger))
        // Cancelled when the group has ended.
        async let _: Void = ProcessMemory.settle(after: .seconds(10), every: .seconds(60))
        try await group.run()
    }

    private func help(_ reader: SettingReader) -> Int32 {
        var lines = ["usage: \(name) [--FLAG VALUE]...", ""]
        for (setting, value) in reader.known {
            let need = value.map { $0.isEmpty ? "optional" : "default \($0)" } ?? "required"
            let names =
                setting.flag.isEmpty
                ? "\(setting.variable)  [variable only, \(need)]"
                : "\(setting.flag) VALUE  [\(setting.variable), \(need)]"
            lines += ["  \(names)", "      \(setting.help)"]
        }
        print(lines.joined(separator: "\n"))
        return 0
    }

    private func complain(_ lines: [String], status: Int32) -> Int32 {
        for line in lines { _ = try? FileDescriptor.standardError.writeAll("\(name): error: \(line)\n".utf8) }
        return status
    }
}
