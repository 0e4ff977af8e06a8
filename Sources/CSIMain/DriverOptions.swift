public import ArgumentParser
import CSIProgram

/// The flags of `csi-controller` and `csi-node`.
///
/// Each can be given as an environment variable too; the flag wins.
public struct DriverOptions: ParsableArguments {
    /// Which storage the volumes live on.
    @Option(help: "The storage that volumes live on: hostpath or loopback. [env: SWIFT_CSI_BACKEND]")
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

    /// The directories that hold the volumes.
    @Option(
        help: ArgumentHelp(
            """
            The existing directory that holds the volumes of this node. With hostpath, NAME=DIR is one for the classes \
            that name it in the parameter pool, and the flag can be given again. [env: SWIFT_CSI_POOL, separated by commas]
            """, valueName: "dir"))
    public var pool: [String] = []

    /// What stays free in a pool.
    @Option(
        help: ArgumentHelp(
            "What stays free in each pool. [env: SWIFT_CSI_RESERVE] (default: 5%)", valueName: "size or %"))
    public var reserve: String?

    /// How much volumes may promise.
    @Option(
        help: ArgumentHelp(
            """
            How many times its room a pool may promise to thin volumes and directories. [env: SWIFT_CSI_OVERCOMMIT] \
            (default: 1)
            """, valueName: "ratio"))
    public var overcommit: String?

    /// Whether the sizes of directories must hold.
    @Flag(
        help: """
            Refuse to run hostpath on a file system that does not enforce quotas, where a volume can grow over its size. \
            [env: SWIFT_CSI_REQUIRE_QUOTA=true]
            """)
    public var requireQuota = false

    /// How many volumes the node can publish.
    @Option(
        help: ArgumentHelp(
            "How many volumes the node can publish, 0 for no limit. [env: SWIFT_CSI_MAX_VOLUMES_PER_NODE] (default: 0)",
            valueName: "count"))
    public var maxVolumesPerNode: String?

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
        case "--pool": pool.isEmpty ? nil : pool.joined(separator: ",")
        case "--require-quota": requireQuota ? "true" : nil
        case "--reserve": reserve
        case "--overcommit": overcommit
        case "--max-volumes-per-node": maxVolumesPerNode
        case "--log-level": logLevel
        case "--log-format": logFormat
        case "--http-endpoint": httpEndpoint
        default: nil
        }
    }
}
