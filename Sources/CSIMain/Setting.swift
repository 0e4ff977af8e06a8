/// One thing that an operator sets, by a flag or by an environment variable; the flag wins.
struct Setting: Sendable, Hashable {
    /// The flag, for example `--node-id`.
    let flag: String

    /// The variable, for example `SWIFT_CSI_NODE_ID`.
    let variable: String

    static let backend = Setting(flag: "--backend", variable: "SWIFT_CSI_BACKEND")
    /// The one name that the specification gives; others must not begin with `CSI_`.
    static let endpoint = Setting(flag: "--endpoint", variable: "CSI_ENDPOINT")
    static let driverName = Setting(flag: "--driver-name", variable: "SWIFT_CSI_DRIVER_NAME")
    static let nodeID = Setting(flag: "--node-id", variable: "SWIFT_CSI_NODE_ID")
    static let pool = Setting(flag: "--pool", variable: "SWIFT_CSI_POOL")
    static let reserve = Setting(flag: "--reserve", variable: "SWIFT_CSI_RESERVE")
    static let overcommit = Setting(flag: "--overcommit", variable: "SWIFT_CSI_OVERCOMMIT")
    static let maximumVolumes = Setting(flag: "--max-volumes-per-node", variable: "SWIFT_CSI_MAX_VOLUMES_PER_NODE")
    static let logLevel = Setting(flag: "--log-level", variable: "SWIFT_CSI_LOG_LEVEL")
    static let logFormat = Setting(flag: "--log-format", variable: "SWIFT_CSI_LOG_FORMAT")

    static let httpEndpoint = Setting(flag: "--http-endpoint", variable: "SWIFT_CSI_HTTP_ENDPOINT")
    static let withController = Setting(flag: "--with-controller", variable: "SWIFT_CSI_WITH_CONTROLLER")
    static let kubeletRegistrationPath = Setting(
        flag: "--kubelet-registration-path", variable: "SWIFT_CSI_KUBELET_REGISTRATION_PATH")
    static let kubeletRegistry = Setting(flag: "--kubelet-registry", variable: "SWIFT_CSI_KUBELET_REGISTRY")

    /// What both programs know.
    static let common = [
        backend, endpoint, driverName, nodeID, pool, reserve, overcommit, maximumVolumes, logLevel, logFormat,
        httpEndpoint,
    ]

    /// What `csi-node` knows besides.
    static let node = [withController, kubeletRegistrationPath, kubeletRegistry]

    /// Variables that begin with this are ours, so one that is not known is a mistake.
    static let prefix = "SWIFT_CSI_"

    /// How a message names the setting.
    var name: String { "\(flag) (or \(variable))" }
}
