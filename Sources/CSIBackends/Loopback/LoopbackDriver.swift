import CSIBlock
public import CSICore
public import CSIHost
import CSIPool
public import Logging
import SystemPackage

/// Volumes as image files of this node, attached as block devices, and formatted and mounted or handed over raw.
///
/// What may not happen: that a device which holds something is formatted, and that a pod gets another volume's device. So
/// a file system is made only where the volume's own notes say that there never was one and the device reads as blank,
/// and a device is recognised by the file behind it and by nothing else.
public struct LoopbackDriver: TopologyAware {
    /// The name and version.
    public var info: PluginInfo { configuration.info }

    /// The node that this process runs on.
    public var nodeID: NodeID { configuration.nodeID }

    /// One segment: the node.
    public let topology: Topology

    /// Mounted file systems and raw block devices on one node.
    ///
    /// Which mount flags are possible depends on the file system; each volume checks them.
    public let support = VolumeSupport(
        modes: [.singleNodeWriter, .singleNodeReaderOnly, .singleNodeSingleWriter, .singleNodeMultiWriter],
        block: true, mount: .init(fileSystemTypes: Set(VolumeTraits.fileSystems.map(\.rawValue))))

    let configuration: LoopbackConfiguration
    let role: Role
    let host: any Host
    let pool: VolumePool
    let devices: ImageDevices
    let node: BlockNode
    let logger: Logger

    /// Creates a driver; the pool is opened by ``preflight()``.
    /// - Parameters:
    ///   - configuration: Names and places.
    ///   - role: `.node` only looks volumes up; the others manage the pool, one process at a time.
    ///   - host: The machine.
    ///   - logger: Receives what happens outside of calls.
    public init(configuration: LoopbackConfiguration, role: Role, host: any Host, logger: Logger) {
        self.configuration = configuration
        topology = Topology([configuration.topologyKey: configuration.nodeID.rawValue])
        self.role = role
        self.host = host
        self.logger = logger
        self.pool = VolumePool(
            path: configuration.pool, access: role == .node ? .lookUp : .manage, images: configuration.policy,
            host: host, logger: logger)
        devices = ImageDevices(pool: pool, host: host)
        node = BlockNode(devices: devices, formats: pool, staging: pool, host: host, logger: logger)
    }

    /// Opens the pool.
    public func preflight() async throws(CSIError) {
        try await pool.open()
    }

    /// Reads what is in the pool, to manage it, and tidies up what a crash left of devices.
    public func start() async throws(CSIError) {
        try await pool.rebuild()
        try await devices.collectLeftovers(detaches: role != .controller, logger: logger)
    }

    func volume(of summary: VolumeSummary) -> Volume {
        Volume(
            id: summary.id, capacity: summary.capacity, accessibleTopology: [topology], source: summary.source)
    }
}
