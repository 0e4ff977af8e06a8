import CSIBlock
public import CSICore
public import CSIHost
import CSIPool
public import Logging
import SystemPackage

/// Volumes as directories of this node, bind-mounted where a pod wants them, or as image files, attached as raw block devices.
///
/// A volume lives on one node: its topology says which, and callers elsewhere are told to look elsewhere. Its size holds
/// where the file system of its pool has project quotas (ext4, XFS) or quota groups (btrfs); the volume context says so.
public struct HostPathDriver: TopologyAware {
    /// The name and version.
    public var info: PluginInfo { configuration.info }

    /// The node that this process runs on.
    public var nodeID: NodeID { configuration.nodeID }

    /// One segment: the node.
    public let topology: Topology

    /// Mounted directories, with the flags that a bind mount can have, and raw block devices, on one node.
    public let support = VolumeSupport(
        modes: [.singleNodeWriter, .singleNodeReaderOnly, .singleNodeSingleWriter, .singleNodeMultiWriter],
        block: true, mount: .bindMounts)

    let configuration: HostPathConfiguration
    let host: any Host
    let pools: PoolSet
    let role: Role
    let logger: Logger

    /// Creates a driver; the pools are opened by ``preflight()``.
    /// - Parameters:
    ///   - configuration: Names and places.
    ///   - role: `.node` only looks volumes up; the others manage the pools, one process at a time.
    ///   - host: The machine.
    ///   - logger: Receives what happens outside of calls.
    public init(configuration: HostPathConfiguration, role: Role, host: any Host, logger: Logger) {
        self.configuration = configuration
        self.topology = Topology([configuration.topologyKey: configuration.nodeID.rawValue])
        self.host = host
        self.role = role
        self.logger = logger
        pools = PoolSet(
            members: configuration.pools.map { member in
                let pool = VolumePool(
                    path: member.path, access: role == .node ? .lookUp : .manage, directories: configuration.policy,
                    host: host, logger: logger)
                return PoolSet.Member(name: member.name, pool: pool, images: ImageDevices(pool: pool, host: host))
            })
    }

    /// Opens the pools.
    public func preflight() async throws(CSIError) {
        try await pools.open(on: host)
        for member in pools.members {
            let support = member.pool.quotaSupport
            if support.enforcement == .enforcing { continue }
            let reason = support.detail ?? "its file system has no quotas"
            guard !configuration.requiresQuota else {
                throw .preconditionFailed(
                    "the sizes of volumes in the pool \(member.pool.path) would not hold: \(reason); see docs/hostpath.md, "
                        + "or run without --require-quota")
            }
            logger.warning(
                "sizes do not hold in this pool", metadata: ["pool": "\(member.pool.path)", "reason": "\(reason)"])
        }
    }

    /// Reads what is in the pools, to manage them, and tidies up what a crash left of devices and inline volumes.
    public func start() async throws(CSIError) {
        try await pools.rebuild()
        guard role != .controller else { return }
        await collectDevices()
        try await sweepEphemeral()
    }

    func volume(of summary: VolumeSummary, in member: PoolSet.Member) -> Volume {
        var context = summary.attributes.values
        context["quota"] = member.pool.isEnforced(summary.quota) ? summary.quota?.mechanismName : "none"
        // What an image holds ends at its size.
        if summary.content == .image { context["quota"] = "image" }
        context["pool"] = member.name
        return Volume(
            id: summary.id, capacity: summary.capacity, context: StringMap(context), accessibleTopology: [topology],
            source: summary.source)
    }
}

extension VolumeQuota {
    /// What the volume context calls it.
    fileprivate var mechanismName: String {
        switch self {
        case .project: "project"
        case .subvolume: "subvolume"
        }
    }
}
