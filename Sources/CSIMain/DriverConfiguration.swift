public import CSICore
public import CSIHostPath
public import CSITransport
public import Logging
import SystemPackage

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
        var reader = SettingReader(options: options, environment: environment)
        let endpoint = reader.read(.endpoint) { (text) throws(ConfigurationMistake) in
            do throws(EndpointError) {
                return try Endpoint(parsing: text)
            } catch {
                throw ConfigurationMistake("\(error)")
            }
        }
        let logLevel = reader.read(.logLevel, default: "info") { (text) throws(ConfigurationMistake) in
            guard let level = Logger.Level(rawValue: text) else {
                throw .oneOf(Logger.Level.allCases.map(\.rawValue), not: text)
            }
            return level
        }
        let logFormat = reader.read(.logFormat, default: "text") { (text) throws(ConfigurationMistake) in
            guard let format = LogFormat(rawValue: text) else {
                throw .oneOf(LogFormat.allCases.map(\.rawValue), not: text)
            }
            return format
        }
        let backend = reader.readBackend()
        reader.reportUnknown()
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
                throw ConfigurationMistake(error.message)
            }
        }
        let node = read(.nodeID) { (text) throws(ConfigurationMistake) in
            do throws(CSIError) {
                return try NodeID(text)
            } catch {
                throw ConfigurationMistake(error.message)
            }
        }
        let pool = read(.pool) { (text) throws(ConfigurationMistake) in
            let path = FilePath(text)
            guard path.isAbsolute else { throw ConfigurationMistake("must be an absolute path, and is \"\(text)\"") }
            return path
        }
        guard name != nil, let info, let node, let pool else { return nil }
        do throws(CSIError) {
            return .hostPath(try HostPathConfiguration(info: info, nodeID: node, pool: pool))
        } catch {
            report(.nodeID, ConfigurationMistake(error.message))
            return nil
        }
    }
}
