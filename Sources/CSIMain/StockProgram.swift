public import ArgumentParser
import CSICore
import CSIHost
import CSIHostPath
import CSIHostTracing
import CSILoopback
import CSINFS
import CSIProgram
import Logging
import SystemPackage

/// What `csi-controller` and `csi-node` have in common.
public enum StockProgram {
    /// The help of a program.
    public static func configuration(name: String, abstract: String, discussion: String) -> CommandConfiguration {
        CommandConfiguration(
            commandName: name, abstract: abstract, discussion: discussion, version: SwiftCSIVersion.full)
    }

    /// Runs a program: its command, or the helper that it calls itself as where a server may never answer.
    public static func main(_ command: (some AsyncParsableCommand).Type) {
        guard !NetworkHelper.isCalled else { return NetworkHelper.serve() }
        ProgramTask.run {
            await command.main(nil)
            return 0
        }
    }

    /// Checks the configuration and serves until SIGTERM or SIGINT.
    /// - Parameters:
    ///   - name: The program's name, for its messages.
    ///   - options: Its flags.
    ///   - controllerOptions: The flags that only `csi-controller` has.
    ///   - nodeOptions: The flags that only `csi-node` has, which makes the program a node's; they may add the Controller
    ///     service.
    /// - Throws: `ExitCode` 64 after printing every mistake of the configuration, 1 after printing why serving ended.
    public static func run(
        _ name: String, options: DriverOptions, controllerOptions: ControllerOptions? = nil,
        nodeOptions: NodeOptions? = nil
    ) async throws {
        let configuration: DriverConfiguration
        do throws(ConfigurationMistakes) {
            configuration = try DriverConfiguration(
                options: options, controllerOptions: controllerOptions, nodeOptions: nodeOptions,
                environment: ProcessEnvironment.variables())
        } catch {
            for line in error.lines { complain(name, line) }
            throw ExitCode(64)
        }
        let handler = LineLogHandler(format: configuration.serving.logFormat, level: configuration.serving.logLevel)
        let logger = Logger(label: name) { _ in handler }
        do {
            try await DriverProgram.serve(
                driver(configuration, logger: logger), configuration.serving, preflight: configuration.preflight,
                logger: logger)
        } catch {
            complain(name, "\(error)")
            throw ExitCode(1)
        }
    }

    private static func driver(_ configuration: DriverConfiguration, logger: Logger) -> any CSIDriver {
        switch configuration.backend {
        case .hostPath(let hostPath):
            return HostPathDriver(
                configuration: hostPath, role: configuration.serving.role, host: LinuxHost().traced(), logger: logger)
        case .loopback(let loopback):
            return LoopbackDriver(
                configuration: loopback, role: configuration.serving.role, host: LinuxHost().traced(), logger: logger)
        case .nfs(let nfs, let network):
            // The handles of csi-driver-nfs have no limit.
            LongIDs.accept()
            return NFSDriver(configuration: nfs, host: LinuxHost(network: network).traced(), logger: logger)
        case .expansionOnly(let info): return ExpansionOnlyDriver(info: info)
        }
    }

    private static func complain(_ name: String, _ line: String) {
        _ = try? FileDescriptor.standardError.writeAll("\(name): error: \(line)\n".utf8)
    }
}
