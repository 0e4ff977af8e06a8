public import CSICore
public import CSITransport
public import Logging
import SystemPackage

/// What every driver's program serves with, beside its driver.
public struct ServingConfiguration: Sendable {
    /// How the kubelet learns of the driver.
    public struct Registration: Sendable, Hashable {
        /// Where the kubelet finds the socket.
        public let socketOnHost: String

        /// The directory that the kubelet watches.
        public let registry: String
    }

    /// The socket.
    public let endpoint: Endpoint

    /// What is served: a node may serve the Controller service, too.
    public let role: Role

    /// The lowest level that is logged.
    public let logLevel: Logger.Level

    /// How log lines look.
    public let logFormat: LogFormat

    /// Where health and metrics are served; nil for nowhere.
    public let httpEndpoint: HTTPAddress?

    /// How the kubelet learns of the driver; nil when somebody else sees to that.
    public let registration: Registration?

    /// Reads the settings; nil after a mistake, which the reader has noted.
    /// - Parameters:
    ///   - reader: Where the values come from.
    ///   - settings: The names of the settings.
    ///   - role: The program's role; only that of a node has the settings about the kubelet.
    public init?(from reader: inout SettingReader, _ settings: ServingSettings, role: Role) {
        let endpoint = reader.endpoint()
        let logLevel = reader.logLevel(settings.logLevel)
        let logFormat = reader.logFormat(settings.logFormat)
        let count = reader.mistakes.count
        httpEndpoint = reader.readOptional(settings.httpEndpoint) { (text) throws(ConfigurationMistake) in
            do throws(HTTPAddressError) {
                return try HTTPAddress(parsing: text)
            } catch {
                throw ConfigurationMistake("\(error)")
            }
        }
        if role == .controller {
            self.role = role
            registration = nil
        } else {
            let withController = reader.readOptional(settings.withController) { (text) throws(ConfigurationMistake) in
                guard let value = Bool(text) else { throw .oneOf(["true", "false"], not: text) }
                return value
            }
            self.role = withController == true ? .all : role
            registration = Self.registration(from: &reader, settings)
        }
        guard let endpoint, let logLevel, let logFormat, reader.mistakes.count == count else { return nil }
        self.endpoint = endpoint
        self.logLevel = logLevel
        self.logFormat = logFormat
    }

    private static func registration(from reader: inout SettingReader, _ settings: ServingSettings) -> Registration? {
        let count = reader.mistakes.count
        let path = reader.readOptional(settings.kubeletRegistrationPath, parse: absolute)
        let registry = reader.readOptional(settings.kubeletRegistry, parse: absolute)
        if path == nil, registry != nil, reader.mistakes.count == count {
            let needed = settings.kubeletRegistrationPath.name
            reader.report(settings.kubeletRegistry, ConfigurationMistake("needs \(needed) as well"))
        }
        return path.map { Registration(socketOnHost: $0, registry: registry ?? KubeletRegistration.defaultRegistry) }
    }

    private static func absolute(_ text: String) throws(ConfigurationMistake) -> String {
        guard FilePath(text).isAbsolute else {
            throw ConfigurationMistake("must be an absolute path, and is \"\(text)\"")
        }
        return text
    }
}
