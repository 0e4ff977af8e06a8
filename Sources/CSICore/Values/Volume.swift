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

    /// What the volume was filled with when it was made; nil for an empty volume.
    public let source: ContentSource?

    /// Creates a volume.
    /// - Parameters:
    ///   - id: The volume's id.
    ///   - capacity: The size in bytes, 0 when not known.
    ///   - context: What node calls receive as `volume_context`.
    ///   - accessibleTopology: Where the volume can be reached from.
    ///   - source: What the volume was filled with.
    public init(
        id: VolumeID, capacity: Int64, context: StringMap = StringMap(), accessibleTopology: [Topology] = [],
        source: ContentSource? = nil
    ) {
        self.id = id
        self.capacity = capacity
        self.context = context
        self.accessibleTopology = accessibleTopology
        self.source = source
    }

    /// The message; a driver's impossible answer becomes INTERNAL and not a broken reply.
    func wire() throws(CSIError) -> CSIv1.Volume {
        guard capacity >= 0 else { throw .fault("the driver answered a negative capacity for volume \"\(id)\"") }
        guard context.totalBytes <= WireText.mapLimit else {
            throw .fault("the driver answered a context of \(context.totalBytes) bytes for volume \"\(id)\"")
        }
        return .init(
            capacityBytes: capacity, volumeID: id.rawValue, volumeContext: context.wire, contentSource: source?.wire,
            accessibleTopology: accessibleTopology.map(\.wire))
    }

    /// The message that answers a create.
    func wire(answering request: CreateVolume) throws(CSIError) -> CSIv1.Volume {
        if let range = request.capacity, capacity != 0, !range.contains(capacity) {
            throw .fault("the driver answered \(capacity) bytes for volume \"\(id)\", and \(range) were asked for")
        }
        guard source == request.source else {
            throw .fault(
                "the driver answered volume \"\(id)\" with source \(source?.description ?? "none"), and "
                    + "\(request.source?.description ?? "none") was asked for")
        }
        return try wire()
    }
}
