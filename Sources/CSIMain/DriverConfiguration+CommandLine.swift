import ArgumentParser
public import CSIHost
public import CSIPool
public import CSIProgram
public import Logging
public import SystemPackage

/// The configuration of another process, for tools that look after it.
extension DriverConfiguration {
    /// All flags of `csi-node`.
    private struct AllOptions: ParsableArguments {
        @OptionGroup var driver: DriverOptions
        @OptionGroup var node: NodeOptions
    }

    /// Reads a command line of `csi-node` or `csi-controller`.
    /// - Parameters:
    ///   - arguments: The command line without the program's name.
    ///   - isNode: Whether it is of `csi-node`.
    ///   - environment: The environment's variables.
    /// - Throws: Every mistake, each with a line of its own.
    public init(
        commandLine arguments: [String], isNode: Bool, environment: [String: String]
    ) throws(ConfigurationMistakes) {
        let options: AllOptions
        do {
            options = try AllOptions.parse(arguments)
        } catch {
            throw ConfigurationMistakes([AllOptions.message(for: error)])
        }
        try self.init(
            options: options.driver, nodeOptions: isNode ? options.node : nil, environment: environment)
    }

    /// The driver's name.
    public var driverName: String { backend.traits.driverName }

    /// The directories of this node that hold volumes, by name; none where volumes live elsewhere.
    public var pools: [(name: String, path: FilePath)] {
        backend.traits.pools.map { ($0.name, $0.path) }
    }

    /// One of the pools, not open yet.
    public func pool(
        _ path: FilePath, access: VolumePool.Access, on host: any Host, logger: Logger
    ) -> VolumePool {
        VolumePool(path: path, access: access, images: backend.traits.images, host: host, logger: logger)
    }
}
