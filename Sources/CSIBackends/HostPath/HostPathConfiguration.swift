public import CSICore
public import CSIPool
public import SystemPackage

/// How the hostPath backend is set up.
public struct HostPathConfiguration: Sendable {
    /// A directory that holds volumes.
    public struct Pool: Sendable, Hashable {
        /// What a StorageClass calls it in the parameter `pool`; nil for the one that classes mean that name none.
        public var name: String?

        /// The directory.
        public var path: FilePath

        /// Creates a description.
        public init(name: String? = nil, path: FilePath) {
            self.name = name
            self.path = path
        }

        /// Whether a text can be the name of a pool: 1 to 63 small letters, digits and hyphens.
        public static func isName(_ text: String) -> Bool {
            (1...63).contains(text.utf8.count)
                && text.utf8.allSatisfy { (0x61...0x7a).contains($0) || (0x30...0x39).contains($0) || $0 == 0x2d }
        }
    }

    /// The driver's name and version.
    public var info: PluginInfo

    /// The node that this process runs on.
    public var nodeID: NodeID

    /// The directories that hold the volumes, at least one.
    ///
    /// Classes that name none mean the one without a name, else the first.
    public let pools: [Pool]

    /// How the room of each pool is given out.
    public var policy: PoolPolicy

    /// Whether to refuse to run where nothing keeps a volume from growing over its size.
    public var requiresQuota: Bool

    /// Creates a configuration.
    /// - Parameters:
    ///   - info: The driver's name and version.
    ///   - nodeID: The node.
    ///   - pools: The directories, with names of 1 to 63 small letters, digits and hyphens; one at most has none.
    ///   - policy: How room is given out.
    ///   - requiresQuota: Whether sizes must hold.
    /// - Throws: INVALID_ARGUMENT when the node's id cannot be the value of a topology segment, or the names cannot be used.
    public init(
        info: PluginInfo, nodeID: NodeID, pools: [Pool], policy: PoolPolicy = PoolPolicy(), requiresQuota: Bool = false
    ) throws(CSIError) {
        guard nodeID.rawValue.utf8.count <= 63 else {
            throw .invalid(
                "node id", "is \(nodeID.rawValue.utf8.count) bytes long; a topology segment holds at most 63")
        }
        guard !pools.isEmpty else { throw .invalid("pools", "are none; at least one directory holds the volumes") }
        var names: Set<String?> = []
        for pool in pools {
            if let name = pool.name, !Pool.isName(name) {
                throw .invalid("pool \"\(name)\"", "needs a name of 1 to 63 small letters, digits and hyphens")
            }
            guard names.insert(pool.name).inserted else {
                throw .invalid("pool \(pool.name.map { "\"\($0)\"" } ?? "without a name")", "is given twice")
            }
        }
        self.info = info
        self.nodeID = nodeID
        self.pools = pools
        self.policy = policy
        self.requiresQuota = requiresQuota
    }

    /// Creates a configuration with one pool.
    /// - Throws: INVALID_ARGUMENT when the node's id cannot be the value of a topology segment.
    public init(info: PluginInfo, nodeID: NodeID, pool: FilePath) throws(CSIError) {
        try self.init(info: info, nodeID: nodeID, pools: [Pool(path: pool)])
    }

    /// The key of the topology segment whose value is the node's id.
    public var topologyKey: String { "topology.\(info.name)/node" }
}
