/// Something that a driver can do, by the name of its protocol; what configuration can take away.
public enum Ability: String, Sendable, Hashable, CaseIterable {
    /// ``VolumeProvisioning``.
    case volumeProvisioning = "VolumeProvisioning"
    /// ``VolumeListing``.
    case volumeListing = "VolumeListing"
    /// ``VolumeReading``.
    case volumeReading = "VolumeReading"
    /// ``VolumeHealthReporting``.
    case volumeHealthReporting = "VolumeHealthReporting"
    /// ``CapacityReporting``.
    case capacityReporting = "CapacityReporting"
    /// ``VolumePublishing``.
    case volumePublishing = "VolumePublishing"
    /// ``NodeHealthReporting``.
    case nodeHealthReporting = "NodeHealthReporting"
    /// ``TopologyAware``.
    case topologyAware = "TopologyAware"
}
