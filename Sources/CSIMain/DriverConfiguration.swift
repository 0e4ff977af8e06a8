public import CSICore
public import CSIHostPath
public import CSIProgram
public import CSITransport
public import Logging

/// What a program runs with, checked as a whole.
public struct DriverConfiguration: Sendable {
    /// The storage that volumes live on.
    public enum Backend: Sendable {
        /// Directories of this node.
        case hostPath(HostPathConfiguration)
    }

    /// The storage.
    public let backend: Backend

    /// The socket.
    public let endpoint: Endpoint

    /// The lowest level that is logged.
    public let logLevel: Logger.Level

    /// How log lines look.
    public let logFormat: LogFormat

    /// Reads flags and environment.
    /// - Throws: Every mistake, each with a line of its own.
    public init(options: DriverOptions, environment: [String: String]) throws(ConfigurationMistakes) {
        var reader = SettingReader(environment: environment) { options.value(of: $0) }
        let endpoint = reader.endpoint()
        let logLevel = reader.logLevel(.logLevel)
        let logFormat = reader.logFormat(.logFormat)
        let backend = reader.readBackend()
        reader.reportUnknown(arguments: options.unrecognized, variablePrefix: Setting.prefix)
        guard let endpoint, let logLevel, let logFormat, let backend, reader.mistakes.isEmpty else {
            throw ConfigurationMistakes(reader.mistakes)
        }
        self.endpoint = endpoint
        self.logLevel = logLevel
        self.logFormat = logFormat
        self.backend = backend
    }
}

extension SettingReader {
    fileprivate mutating func readBackend() -> DriverConfiguration.Backend? {
        let name = read(.backend) { (text) throws(ConfigurationMistake) in
            guard text == "hostpath" else { throw .oneOf(["hostpath"], not: text) }
            return text
        }
        let info = read(.driverName, default: "hostpath.swift-csi.dev") { (text) throws(ConfigurationMistake) in
            do throws(CSIError) {
                return try PluginInfo(name: text, version: SwiftCSIVersion.current)
            } catch {
                throw ConfigurationMistake(error)
            }
        }
        let node = nodeID(.nodeID)
        let pool = absolutePath(.pool)
        guard name != nil, let info, let node, let pool else { return nil }
        do throws(CSIError) {
            return .hostPath(try HostPathConfiguration(info: info, nodeID: node, pool: pool))
        } catch {
            report(.nodeID, ConfigurationMistake(error))
            return nil
        }
    }
}
