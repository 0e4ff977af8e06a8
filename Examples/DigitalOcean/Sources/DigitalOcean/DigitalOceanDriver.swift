import CSIBlock
import CSICore
import CSIHost
import Logging
import SystemPackage

/// DigitalOcean's block storage: volumes that the API makes and attaches to droplets, and that a node finds by their names.
///
/// Names, ids and contexts are those of the driver that DigitalOcean publishes, so that this one can take its volumes over.
struct DigitalOceanDriver: CSIDriver {
    static let gibibyte: Int64 = 1 << 30
    /// What the API makes, in GiB.
    static let sizes: ClosedRange<Int64> = 1...16_384
    static let defaultSize: Int64 = 16

    let info: PluginInfo
    let nodeID: NodeID
    let region: String
    /// How many volumes a droplet takes.
    let dropletLimit: Int64
    let support = VolumeSupport(
        modes: [.singleNodeWriter, .singleNodeReaderOnly, .singleNodeSingleWriter, .singleNodeMultiWriter], block: true,
        mount: .init(fileSystemTypes: ["ext4", "xfs"]))

    let transport: any APITransport
    let policy: RetryPolicy
    let host: any Host
    let node: BlockNode

    init(
        nodeID: NodeID, region: String, dropletLimit: Int64, transport: any APITransport,
        policy: RetryPolicy = RetryPolicy(),
        notes: FilePath, deviceLimit: Duration, host: any Host, logger: Logger
    ) throws(CSIError) {
        info = try PluginInfo(name: "dobs.csi.digitalocean.com", version: "1.0.0")
        self.nodeID = nodeID
        self.region = region
        self.dropletLimit = dropletLimit
        self.transport = transport
        self.policy = policy
        self.host = host
        let notes = NodeNotes(path: notes, host: host)
        node = BlockNode(
            devices: AttachedDisks(notes: notes, host: host, within: deviceLimit), formats: nil, staging: notes,
            host: host,
            logger: logger)
    }

    /// The API, for as long as the RPC that runs may take.
    func api() -> APISession { APISession(transport, host.clock, policy) }
}

extension DigitalOceanDriver: TopologyAware {
    var topology: Topology { Topology(["region": region]) }
}
