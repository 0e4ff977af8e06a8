/// Something that a driver can do, by the name of its protocol; what configuration can take away.
public enum Ability: String, Sendable, Hashable, CaseIterable {
    /// ``VolumeProvisioning``.
    case volumeProvisioning = "VolumeProvisioning"
    /// ``VolumeAttaching``.
    case volumeAttaching = "VolumeAttaching"
    /// ``ReadOnlyAttaching``.
    case readOnlyAttaching = "ReadOnlyAttaching"
    /// ``VolumeListing``.
    case volumeListing = "VolumeListing"
    /// ``PublishedNodesListing``.
    case publishedNodesListing = "PublishedNodesListing"
    /// ``CapacityReporting``.
    case capacityReporting = "CapacityReporting"
    /// ``SnapshotCapable``.
    case snapshotCapable = "SnapshotCapable"
    /// ``SnapshotListing``.
    case snapshotListing = "SnapshotListing"
    /// ``SnapshotReading``.
    case snapshotReading = "SnapshotReading"
    /// ``VolumeCloning``.
    case volumeCloning = "VolumeCloning"
    /// ``VolumeExpanding``.
    case volumeExpanding = "VolumeExpanding"
    /// ``VolumeModifying``.
    case volumeModifying = "VolumeModifying"
    /// ``VolumeReading``.
    case volumeReading = "VolumeReading"
    /// ``VolumeHealthReporting``.
    case volumeHealthReporting = "VolumeHealthReporting"
    /// ``GroupSnapshotCapable``.
    case groupSnapshotCapable = "GroupSnapshotCapable"
    /// ``ChangedBlockReporting``.
    case changedBlockReporting = "ChangedBlockReporting"
    /// ``VolumePublishing``.
    case volumePublishing = "VolumePublishing"
    /// ``VolumeStaging``.
    case volumeStaging = "VolumeStaging"
    /// ``NodeExpanding``.
    case nodeExpanding = "NodeExpanding"
    /// ``NodeHealthReporting``.
    case nodeHealthReporting = "NodeHealthReporting"
    /// ``MountGroupApplying``.
    case mountGroupApplying = "MountGroupApplying"
    /// ``TopologyAware``.
    case topologyAware = "TopologyAware"

    /// The ability that this one builds on: taking that away takes this one away, too.
    var base: Ability? {
        switch self {
        case .volumeProvisioning, .volumePublishing, .topologyAware: nil
        case .readOnlyAttaching: .volumeAttaching
        case .publishedNodesListing: .volumeListing
        case .snapshotListing, .snapshotReading, .groupSnapshotCapable, .changedBlockReporting: .snapshotCapable
        case .volumeHealthReporting: .volumeReading
        case .volumeStaging, .nodeExpanding, .nodeHealthReporting, .mountGroupApplying: .volumePublishing
        default: .volumeProvisioning
        }
    }
}
