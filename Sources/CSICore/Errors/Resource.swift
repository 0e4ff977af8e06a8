/// A thing that an error is about.
public enum Resource: Sendable, Hashable, CustomStringConvertible {
    /// A volume by its id.
    case volume(VolumeID)
    /// A volume by the name that CreateVolume was called with.
    case volumeNamed(VolumeName)
    /// A snapshot by its id.
    case snapshot(SnapshotID)
    /// A snapshot by the name that CreateSnapshot was called with.
    case snapshotNamed(SnapshotName)
    /// A group of snapshots by its id.
    case groupSnapshot(GroupSnapshotID)
    /// A group of snapshots by the name that it was created with.
    case groupSnapshotNamed(GroupSnapshotName)
    /// A node by its id.
    case node(NodeID)
    /// A volume published at a path of this node.
    case publication(VolumeID, AbsolutePath)

    /// The kind and the quoted name, for example `volume "pvc-1"`.
    public var description: String {
        switch self {
        case .volume(let id): "volume \"\(id)\""
        case .volumeNamed(let name): "volume named \"\(name)\""
        case .snapshot(let id): "snapshot \"\(id)\""
        case .snapshotNamed(let name): "snapshot named \"\(name)\""
        case .groupSnapshot(let id): "group snapshot \"\(id)\""
        case .groupSnapshotNamed(let name): "group snapshot named \"\(name)\""
        case .node(let id): "node \"\(id)\""
        case .publication(let id, let path): "volume \"\(id)\" at \(path)"
        }
    }
}
