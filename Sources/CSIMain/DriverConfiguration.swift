public import CSICore
public import CSIHost
public import CSIHostPath
public import CSILoopback
public import CSINFS
public import CSIPreflight
public import CSIProgram

/// What a program runs with, checked as a whole.
public struct DriverConfiguration: Sendable {
    /// The storage that volumes live on.
    public enum Backend: Sendable {
        /// Directories of this node.
        case hostPath(HostPathConfiguration)
        /// Image files of this node, attached as block devices.
        case loopback(LoopbackConfiguration)
        /// Directories of NFS exports.
        case nfs(NFSConfiguration, NetworkFileSystemSettings)
        /// None: growth is answered on behalf of the nodes.
        case expansionOnly(PluginInfo)
    }

    /// The storage.
    public let backend: Backend

    /// Socket, log, health, metrics, registration.
    public let serving: ServingConfiguration

    /// What the process needs of its machine.
    public let preflight: Preflight

    /// Reads flags and environment.
    /// - Parameters:
    ///   - options: The flags that both programs know.
    ///   - controllerOptions: The flags of `csi-controller`; nil for a program that does not know them.
    ///   - nodeOptions: The flags of `csi-node`; nil for a program that does not know them.
    ///   - environment: The environment's variables.
    /// - Throws: Every mistake, each with a line of its own.
    public init(
        options: DriverOptions, controllerOptions: ControllerOptions? = nil, nodeOptions: NodeOptions? = nil,
        environment: [String: String]
    ) throws(ConfigurationMistakes) {
        var reader = SettingReader(environment: environment) {
            options.value(of: $0) ?? controllerOptions?.value(of: $0) ?? nodeOptions?.value(of: $0)
        }
        let serving = ServingConfiguration(
            from: &reader, ServingSettings(variablePrefix: Setting.prefix),
            role: nodeOptions == nil ? .controller : .node)
        let isExpansionOnly = controllerOptions != nil && reader.readExpansionOnly()
        let backend = isExpansionOnly ? reader.readExpansionBackend() : reader.readBackend()
        let places = reader.readPlaces(isNode: nodeOptions != nil)
        reader.reportUnknown(arguments: options.unrecognized, variablePrefix: Setting.prefix)
        guard let serving, let backend, reader.mistakes.isEmpty else {
            throw ConfigurationMistakes(reader.mistakes)
        }
        self.serving = serving
        self.backend = backend
        preflight = backend.traits.preflight(serving.role).joined(with: places.preflight(backend.traits))
    }
}
