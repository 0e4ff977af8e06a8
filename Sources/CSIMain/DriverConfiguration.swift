public import CSICore
public import CSIHostPath
public import CSILoopback
public import CSITransport
public import Logging
import SystemPackage

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

    /// Where health and metrics are served; nil for nowhere.
    public let httpEndpoint: HTTPAddress?

    /// Whether `csi-node` serves the Controller service, too.
    public let withController: Bool

    /// How the kubelet learns of the driver; nil when somebody else sees to that.
    public let registration: Registration?

    /// How the kubelet learns of the driver.
    public struct Registration: Sendable, Hashable {
        /// Where the kubelet finds the socket.
        public let socketOnHost: String

        /// The directory that the kubelet watches.
        public let registry: String
    }

    /// Reads flags and environment.
    /// - Parameters:
    ///   - options: The flags that both programs know.
    ///   - nodeOptions: The flags of `csi-node`; nil for a program that does not know them.
    ///   - environment: The environment's variables.
    /// - Throws: Every mistake, each with a line of its own.
    public init(
        options: DriverOptions, nodeOptions: NodeOptions? = nil, environment: [String: String]
    ) throws(ConfigurationMistakes) {
        var reader = SettingReader(options: options, nodeOptions: nodeOptions, environment: environment)
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
        let httpEndpoint = reader.readOptional(.httpEndpoint) { (text) throws(ConfigurationMistake) in
            do throws(HTTPAddressError) {
                return try HTTPAddress(parsing: text)
            } catch {
                throw ConfigurationMistake("\(error)")
            }
        }
        let withController = reader.readOptional(.withController) { (text) throws(ConfigurationMistake) in
            guard let value = Bool(text) else { throw .oneOf(["true", "false"], not: text) }
            return value
        }
        let registration = reader.readRegistration()
        let backend = reader.readBackend()
        reader.reportUnknown()
        guard let endpoint, let logLevel, let logFormat, let backend, reader.mistakes.isEmpty else {
            throw ConfigurationMistakes(reader.mistakes)
        }
        self.endpoint = endpoint
        self.logLevel = logLevel
        self.logFormat = logFormat
        self.backend = backend
        self.httpEndpoint = httpEndpoint
        self.withController = withController ?? false
        self.registration = registration
    }
}

extension SettingReader {
    fileprivate mutating func readRegistration() -> DriverConfiguration.Registration? {
        let path = readOptional(.kubeletRegistrationPath, parse: Self.absolute)
        let registry = readOptional(.kubeletRegistry, parse: Self.absolute)
        if path == nil, registry != nil, !mistakes.contains(where: { $0.contains("kubelet") }) {
            report(.kubeletRegistry, ConfigurationMistake("needs \(Setting.kubeletRegistrationPath.name) as well"))
        }
        return path.map {
            .init(socketOnHost: $0, registry: registry ?? KubeletRegistration.defaultRegistry)
        }
    }

    private static func absolute(_ text: String) throws(ConfigurationMistake) -> String {
        guard FilePath(text).isAbsolute else {
            throw ConfigurationMistake("must be an absolute path, and is \"\(text)\"")
        }
        return text
    }
}
