import CSIProgram

/// The settings of the programs; each flag is also an environment variable, and the flag wins.
extension Setting {
    static let backend = Setting(flag: "--backend", variable: "SWIFT_CSI_BACKEND")
    static let driverName = Setting(flag: "--driver-name", variable: "SWIFT_CSI_DRIVER_NAME")
    static let nodeID = Setting(flag: "--node-id", variable: "SWIFT_CSI_NODE_ID")
    static let pool = Setting(flag: "--pool", variable: "SWIFT_CSI_POOL")
    static let logLevel = Setting(flag: "--log-level", variable: "SWIFT_CSI_LOG_LEVEL")
    static let logFormat = Setting(flag: "--log-format", variable: "SWIFT_CSI_LOG_FORMAT")

    /// Variables that begin with this are ours, so one that is not known is a mistake.
    static let prefix = "SWIFT_CSI_"
}
