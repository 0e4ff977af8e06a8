/// A driver that prepares a volume once per node and then publishes it to many targets: STAGE_UNSTAGE_VOLUME.
///
/// Requests to publish without a staging path are refused before they reach the driver.
public protocol VolumeStaging: VolumePublishing {
    /// Prepares the volume at the staging path.
    ///
    /// Whether it is there already is decided from the kernel: the same volume with the same arguments is success,
    /// anything else ALREADY_EXISTS.
    func stage(_ request: StageVolume) async throws(CSIError)

    /// Undoes the preparation; the absent is success.
    func unstage(_ request: UnstageVolume) async throws(CSIError)
}

/// A driver that gives a volume's root to the group that a request names: VOLUME_MOUNT_GROUP.
///
/// Without it a request with a group is refused before it reaches the driver.
public protocol MountGroupApplying: VolumePublishing {}
