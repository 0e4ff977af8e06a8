import CSICore
public import CSIHostPath
public import CSIProgram

/// What a program runs with, checked as a whole.
public struct DriverConfiguration: Sendable {
    /// The storage that volumes live on.
    public enum Backend: Sendable {
        /// Directories of this node.
        case hostPath(HostPathConfiguration)
    }

    /// The storage.
    public let backend: Backend

    /// Socket, log, health, metrics, registration.
    public let serving: ServingConfiguration

    /// Reads flags and environment.
    /// - Parameters:
    ///   - options: The flags that both programs know.
    ///   - nodeOptions: The flags of `csi-node`; nil for a program that does not know them.
    ///   - environment: The environment's variables.
    /// - Throws: Every mistake, each with a line of its own.
    public init(
        options: DriverOptions, nodeOptions: NodeOptions? = nil, environment: [String: String]
    ) throws(ConfigurationMistakes) {
        var reader = SettingReader(environment: environment) {
            options.value(of: $0) ?? nodeOptions?.value(of: $0)
        }
        let serving = ServingConfiguration(
            from: &reader, ServingSettings(variablePrefix: Setting.prefix),
            role: nodeOptions == nil ? .controller : .node)
        let backend = reader.readBackend()
        reader.reportUnknown(arguments: options.unrecognized, variablePrefix: Setting.prefix)
        guard let serving, let backend, reader.mistakes.isEmpty else {
            throw ConfigurationMistakes(reader.mistakes)
        }
        self.serving = serving
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
