public import CSICore
public import CSIHostPath
public import CSILoopback
public import CSITransport
public import Logging

/// What a program runs with, checked as a whole.
public struct DriverConfiguration: Sendable {
    /// The storage that volumes live on.
    public enum Backend: Sendable {
        /// Directories of this node.
        case hostPath(HostPathConfiguration)
        /// Image files of this node, attached as block devices.
        case loopback(LoopbackConfiguration)
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
