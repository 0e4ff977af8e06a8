public import CSICore
public import CSIPool
public import SystemPackage

/// How the loopback backend is set up.
public struct LoopbackConfiguration: Sendable {
    /// The driver's name and version.
    public var info: PluginInfo

    /// The node that this process runs on.
    public var nodeID: NodeID

    /// The directory that holds the volumes.
    public var pool: FilePath

    /// How the pool's room is given out.
    public var policy: PoolPolicy

    /// How many volumes the node can publish; 0 sets no limit.
    public var maximumVolumesPerNode: Int64

    /// Creates a configuration.
    /// - Throws: INVALID_ARGUMENT when the node's id cannot be the value of a topology segment.
    public init(
        info: PluginInfo, nodeID: NodeID, pool: FilePath, policy: PoolPolicy = PoolPolicy(),
        maximumVolumesPerNode: Int64 = 0
    ) throws(CSIError) {
        guard nodeID.rawValue.utf8.count <= 63 else {
            throw .invalid(
                "node id", "is \(nodeID.rawValue.utf8.count) bytes long; a topology segment holds at most 63")
        }
        self.info = info
        self.nodeID = nodeID
        self.pool = pool
        self.policy = policy
        self.maximumVolumesPerNode = max(0, maximumVolumesPerNode)
    }

    /// The key of the topology segment whose value is the node's id.
    public var topologyKey: String { "topology.\(info.name)/node" }
}
