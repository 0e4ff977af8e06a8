public import CSICore
public import CSIHost
import CSIPool
public import Logging
import SystemPackage

/// Volumes as directories of this node, bind-mounted where a pod wants them.
///
/// A volume lives on one node: its topology says which, and callers elsewhere are told to look elsewhere. Sizes are
/// promises: nothing keeps a pod from writing more than its volume's capacity yet, and the volume context says so.
public struct HostPathDriver: TopologyAware {
    /// The name and version.
    public var info: PluginInfo { configuration.info }

    /// The node that this process runs on.
    public var nodeID: NodeID { configuration.nodeID }

    /// One segment: the node.
    public var topology: Topology { Topology([configuration.topologyKey: configuration.nodeID.rawValue]) }

    /// Mounted directories on one node; the flags that a bind mount can have.
    public let support = VolumeSupport(
        modes: [.singleNodeWriter, .singleNodeReaderOnly, .singleNodeSingleWriter, .singleNodeMultiWriter],
        mount: .bindMounts)

    let configuration: HostPathConfiguration
    let role: Role
    let host: any Host
    let pool: VolumePool

    /// Creates a driver; the pool is opened by ``preflight()``.
    /// - Parameters:
    ///   - configuration: Names and places.
    ///   - role: `.node` only looks volumes up; the others manage the pool, one process at a time.
    ///   - host: The machine.
    ///   - logger: Receives what happens outside of calls.
    public init(configuration: HostPathConfiguration, role: Role, host: any Host, logger: Logger) {
        self.configuration = configuration
        self.role = role
        self.host = host
        self.pool = VolumePool(
            path: configuration.pool, access: role == .node ? .lookUp : .manage, host: host, logger: logger)
    }

    /// Opens the pool.
    public func preflight() async throws(CSIError) {
        try await pool.open()
    }

    /// Reads what is in the pool, to manage it.
    public func start() async throws(CSIError) {
        try await pool.rebuild()
    }

    func volume(of summary: VolumeSummary) -> Volume {
        Volume(
            id: summary.id, capacity: summary.capacity, context: StringMap(["quota": "none"]),
            accessibleTopology: [topology])
    }
}
