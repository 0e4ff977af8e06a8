import CSIProto

/// A snapshot as callers see it.
public struct Snapshot: Sendable, Hashable {
    /// The id that every later call uses.
    public let id: SnapshotID

    /// The volume it was taken of.
    public let source: VolumeID

    /// The size in bytes that a volume made from it needs at least; 0 when not known.
    public let size: Int64

    /// The moment whose content it has; constant for the life of the snapshot.
    public let creationTime: Timestamp

    /// Whether volumes can be made from it already; callers ask again until it is.
    public let isReady: Bool

    /// The group it was taken with; nil for a single snapshot.
    public let group: GroupSnapshotID?

    /// Creates a snapshot.
    public init(
        id: SnapshotID, source: VolumeID, size: Int64, creationTime: Timestamp, isReady: Bool,
        group: GroupSnapshotID? = nil
    ) {
        self.id = id
        self.source = source
        self.size = size
        self.creationTime = creationTime
        self.isReady = isReady
        self.group = group
    }

    func wire() throws(CSIError) -> CSIv1.Snapshot {
        guard size >= 0 else { throw .fault("the driver answered a negative size for snapshot \"\(id)\"") }
        guard creationTime.seconds > 0 else {
            throw .fault("the driver answered no creation time for snapshot \"\(id)\"")
        }
        return .init(
            sizeBytes: size, snapshotID: id.rawValue, sourceVolumeID: source.rawValue, creationTime: creationTime.wire,
            readyToUse: isReady, groupSnapshotID: group?.rawValue ?? "")
    }
}
