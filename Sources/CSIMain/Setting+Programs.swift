import CSIProgram

/// The settings of the programs beside those that every driver's program has.
extension Setting {
    static let backend = Setting(flag: "--backend", variable: "SWIFT_CSI_BACKEND")
    static let driverName = Setting(flag: "--driver-name", variable: "SWIFT_CSI_DRIVER_NAME")
    static let nodeID = Setting(flag: "--node-id", variable: "SWIFT_CSI_NODE_ID")
    static let pool = Setting(flag: "--pool", variable: "SWIFT_CSI_POOL")
    static let requirePoolMount = Setting(
        flag: "--require-pool-mount", variable: "SWIFT_CSI_REQUIRE_POOL_MOUNT")
    static let kubeletDirectory = Setting(flag: "--kubelet-dir", variable: "SWIFT_CSI_KUBELET_DIR")
    static let reserve = Setting(flag: "--reserve", variable: "SWIFT_CSI_RESERVE")
    static let overcommit = Setting(flag: "--overcommit", variable: "SWIFT_CSI_OVERCOMMIT")
    static let requireQuota = Setting(flag: "--require-quota", variable: "SWIFT_CSI_REQUIRE_QUOTA")
    static let maximumVolumes = Setting(flag: "--max-volumes-per-node", variable: "SWIFT_CSI_MAX_VOLUMES_PER_NODE")
    static let nfsShares = Setting(flag: "--nfs-shares", variable: "SWIFT_CSI_NFS_SHARES")
    static let nfsMountOptions = Setting(flag: "--nfs-mount-options", variable: "SWIFT_CSI_NFS_MOUNT_OPTIONS")
    static let defaultOnDelete = Setting(
        flag: "--default-ondelete-policy", variable: "SWIFT_CSI_DEFAULT_ONDELETE_POLICY")
    static let mountHelper = Setting(flag: "--mount-helper", variable: "SWIFT_CSI_MOUNT_HELPER")
    static let serverTimeout = Setting(flag: "--server-timeout", variable: "SWIFT_CSI_SERVER_TIMEOUT")
    static let unmountPolicy = Setting(flag: "--unmount-policy", variable: "SWIFT_CSI_UNMOUNT_POLICY")

    /// Variables that begin with this are ours, so one that is not known is a mistake.
    static let prefix = "SWIFT_CSI_"
}
