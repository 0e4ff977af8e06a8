import CSIProto

/// A volume as callers see it.
public struct Volume: Sendable, Hashable {
    /// The id that every later call uses.
    public let id: VolumeID

    /// The size in bytes; 0 when the driver does not know it.
    public let capacity: Int64

    /// What the node calls receive as `volume_context`, at most 4 KiB.
    public let context: StringMap

    /// Where the volume can be reached from; empty means everywhere.
    public let accessibleTopology: [Topology]

    /// Creates a volume.
    /// - Parameters:
    ///   - id: The volume's id.
    ///   - capacity: The size in bytes, 0 when not known.
    ///   - context: What node calls receive as `volume_context`.
    ///   - accessibleTopology: Where the volume can be reached from.
    public init(id: VolumeID, capacity: Int64, context: StringMap = StringMap(), accessibleTopology: [Topology] = []) {
        self.id = id
        self.capacity = capacity
        self.context = context
        self.accessibleTopology = accessibleTopology
    }

    func wire() throws(CSIError) -> CSIv1.Volume {
        guard capacity >= 0 else { throw .fault("the driver answered a negative capacity for volume \"\(id)\"") }
        return .init(
            capacityBytes: capacity, volumeID: id.rawValue, volumeContext: context.wire,
            accessibleTopology: accessibleTopology.map(\.wire))
    }
}
