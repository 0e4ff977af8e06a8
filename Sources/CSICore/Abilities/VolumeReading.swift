/// A driver that can read one volume: GET_VOLUME.
public protocol VolumeReading: VolumeProvisioning {
    /// The volume and what is known of it, nil when there is no such volume.
    func read(_ request: GetVolume) async throws(CSIError) -> VolumeDetails?
}

/// A driver whose listed and read volumes carry their condition: VOLUME_CONDITION on the controller.
public protocol VolumeHealthReporting: VolumeReading {}

/// A volume and what is known of its state.
public struct VolumeDetails: Sendable, Hashable {
    /// The volume.
    public let volume: Volume

    /// Its condition; nil when the driver does not look.
    public let condition: VolumeCondition?

    /// The nodes it is published on, nil when the driver does not know.
    public let publishedNodes: [NodeID]?

    /// Creates details.
    public init(volume: Volume, condition: VolumeCondition? = nil, publishedNodes: [NodeID]? = nil) {
        self.volume = volume
        self.condition = condition
        self.publishedNodes = publishedNodes
    }
}
