public import ArgumentParser
import CSIProgram

/// The flags of `csi-controller` and `csi-node`.
///
/// Each can be given as an environment variable too; the flag wins.
public struct DriverOptions: ParsableArguments {
    /// Which storage the volumes live on.
    @Option(help: "The storage that volumes live on: hostpath, loopback or nfs. [env: SWIFT_CSI_BACKEND]")
    public var backend: String?

    /// The socket to serve on.
    @Option(
        help: ArgumentHelp(
            "The Unix socket to serve on, for example unix:///csi/csi.sock. [env: CSI_ENDPOINT]", valueName: "url"))
    public var endpoint: String?

    /// The driver's name.
    @Option(
        help: ArgumentHelp(
            "The driver's name as in the CSIDriver object. [env: SWIFT_CSI_DRIVER_NAME] (default: BACKEND.swift-csi.dev)",
            valueName: "name"))
    public var driverName: String?

    /// The id of the node.
    @Option(
        name: .customLong("node-id"),
        help: ArgumentHelp("The name of the node this process runs on. [env: SWIFT_CSI_NODE_ID]", valueName: "name"))
    public var nodeID: String?

    /// The directory that holds the volumes.
    @Option(
        help: ArgumentHelp(
            "The existing directory that holds the volumes of this node, for hostpath and loopback. [env: SWIFT_CSI_POOL]",
            valueName: "dir"))
    public var pool: String?

    /// Whether the pool must be a mount.
    @Flag(
        help: """
            Wait, not ready, until the pool's directory is a mount, so that no volume lands on the disk below it. \
            [env: SWIFT_CSI_REQUIRE_POOL_MOUNT=true]
            """)
    public var requirePoolMount = false

    /// What stays free in the pool.
    @Option(
        help: ArgumentHelp(
            "What the loopback backend leaves free in the pool. [env: SWIFT_CSI_RESERVE] (default: 5%)",
            valueName: "size or %"))
    public var reserve: String?

    /// How much thin volumes may promise.
    @Option(
        help: ArgumentHelp(
            "How many times its room the pool may promise to thin volumes. [env: SWIFT_CSI_OVERCOMMIT] (default: 1)",
            valueName: "ratio"))
    public var overcommit: String?

    /// How many volumes the node can publish.
    @Option(
        help: ArgumentHelp(
            "How many volumes the node can publish, 0 for no limit. [env: SWIFT_CSI_MAX_VOLUMES_PER_NODE] (default: 0)",
            valueName: "count"))
    public var maxVolumesPerNode: String?

    /// The shares that are listed.
    @Option(
        help: ArgumentHelp(
            """
            The NFS shares that are listed even before they are used, with commas between them. [env: \
            SWIFT_CSI_NFS_SHARES]
            """, valueName: "server:/share"))
    public var nfsShares: String?

    /// How shares are mounted for the driver itself.
    @Option(
        help: ArgumentHelp(
            """
            The mount options of an NFS share for the driver's own work where neither the volume nor a secret has any. \
            [env: SWIFT_CSI_NFS_MOUNT_OPTIONS]
            """, valueName: "options"))
    public var nfsMountOptions: String?

    /// What becomes of the directories of deleted volumes.
    @Option(
        name: .customLong("default-ondelete-policy"),
        help: ArgumentHelp(
            """
            delete, retain or archive: what becomes of the directory of an NFS volume whose class does not say. [env: \
            SWIFT_CSI_DEFAULT_ONDELETE_POLICY] (default: delete)
            """, valueName: "policy"))
    public var defaultOnDeletePolicy: String?

    /// When mount.nfs is used.
    @Option(
        help: ArgumentHelp(
            """
            auto, always or never: whether /sbin/mount.nfs mounts, or the kernel alone; auto takes it for NFS 3 with \
            locks. [env: SWIFT_CSI_MOUNT_HELPER] (default: auto)
            """, valueName: "when"))
    public var mountHelper: String?

    /// How long an NFS server may be silent.
    @Option(
        help: ArgumentHelp(
            """
            For how many seconds an NFS server may be silent before a call that waits for it fails. [env: \
            SWIFT_CSI_SERVER_TIMEOUT] (default: 20)
            """, valueName: "seconds"))
    public var serverTimeout: String?

    /// How NFS mounts are taken away whose server does not answer.
    @Option(
        help: ArgumentHelp(
            """
            lazy or force: an NFS mount that does not go is detached, or forced first, which fails what other pods write to \
            the same server. [env: SWIFT_CSI_UNMOUNT_POLICY] (default: lazy)
            """, valueName: "policy"))
    public var unmountPolicy: String?

    /// The lowest level that is logged.
    @Option(
        help: ArgumentHelp(
            "trace, debug, info, notice, warning, error or critical. [env: SWIFT_CSI_LOG_LEVEL] (default: info)",
            valueName: "level"))
    public var logLevel: String?

    /// How log lines look.
    @Option(
        help: ArgumentHelp(
            "text or json, one line per event on standard error. [env: SWIFT_CSI_LOG_FORMAT] (default: text)",
            valueName: "format"))
    public var logFormat: String?

    /// Where health and metrics are served.
    @Option(
        name: .customLong("http-endpoint"),
        help: ArgumentHelp(
            """
            Where to serve /healthz, /readyz and /metrics: 127.0.0.1:9808, :9808 or unix:///run/csi/http.sock; nowhere \
            by default. [env: SWIFT_CSI_HTTP_ENDPOINT]
            """, valueName: "address"))
    public var httpEndpoint: String?

    /// What the parser did not know, to be reported together with every other mistake.
    @Argument(parsing: .allUnrecognized, help: .hidden)
    var unrecognized: [String] = []

    /// Creates options without values; the parser fills them.
    public init() {}

    func value(of setting: Setting) -> String? {
        switch setting.flag {
        case "--backend": backend
        case "--endpoint": endpoint
        case "--driver-name": driverName
        case "--node-id": nodeID
        case "--pool": pool
        case "--require-pool-mount": requirePoolMount ? "true" : nil
        case "--reserve": reserve
        case "--overcommit": overcommit
        case "--max-volumes-per-node": maxVolumesPerNode
        case "--nfs-shares": nfsShares
        case "--nfs-mount-options": nfsMountOptions
        case "--default-ondelete-policy": defaultOnDeletePolicy
        case "--mount-helper": mountHelper
        case "--server-timeout": serverTimeout
        case "--unmount-policy": unmountPolicy
        case "--log-level": logLevel
        case "--log-format": logFormat
        case "--http-endpoint": httpEndpoint
        default: nil
        }
    }
}
