public import CSICore

/// What a pool keeps in memory of a volume; the rest is read from disk when it is needed.
public struct VolumeSummary: Sendable, Hashable {
    /// The volume's id.
    public let id: VolumeID

    /// The size in bytes that was promised.
    public let capacity: Int64

    /// How its content lies in the pool.
    public let content: VolumeContent

    /// Whether its room was taken when it was made.
    public let isThick: Bool

    /// What it was filled with; nil for an empty volume.
    public let source: ContentSource?

    /// What the backend keeps of it.
    public let attributes: StringMap

    /// What keeps it from growing over its size; nil when nothing does.
    public let quota: VolumeQuota?

    /// What its image took of the disk when it was last looked at; 0 before that.
    var allocated: Int64 = 0
}

/// What a pool keeps in memory of a snapshot.
public struct SnapshotSummary: Sendable, Hashable {
    /// The snapshot's id.
    public let id: SnapshotID

    /// The volume it was taken of.
    public let source: VolumeID

    /// The size of the volume at that moment, in bytes.
    public let size: Int64

    /// When it was taken.
    public let creationTime: Timestamp

    /// How its content lies in the pool.
    public let content: VolumeContent

    /// What its image took of the disk when it was last looked at; 0 before that.
    var allocated: Int64 = 0

    /// The group that it was taken with; nil for a single snapshot.
    public let group: GroupSnapshotID?

    /// Whether all of its content is there; otherwise it is still being copied.
    public var isReady = true
}

/// Gives equal maps one storage: most volumes of a pool have the same few attributes.
struct MapSharing {
    private var known: [StringMap: StringMap] = [:]

    mutating func shared(_ map: StringMap) -> StringMap {
        if let known = known[map] { return known }
        known[map] = map
        return map
    }
}

extension VolumeSummary {
    func sharing(_ maps: inout MapSharing) -> VolumeSummary {
        VolumeSummary(
            id: id, capacity: capacity, content: content, isThick: isThick, source: source,
            attributes: maps.shared(attributes), quota: quota)
    }
}
