/// What an operation holds while it runs.
///
/// Two operations never hold the same key at the same time, unless both only need that the thing stays: a clone and a
/// publish share their volume, a delete shares it with nobody.
public struct OperationKey: Sendable, Hashable, CustomStringConvertible {
    /// The kind of thing that is held.
    public enum Kind: String, Sendable, Hashable {
        /// A volume by its id.
        case volume
        /// A volume by the name it is created with.
        case volumeName = "volume name"
        /// A snapshot by its id.
        case snapshot
        /// A snapshot by the name it is created with.
        case snapshotName = "snapshot name"
        /// A group of snapshots by its id.
        case groupSnapshot = "group snapshot"
        /// A group of snapshots by the name it is created with.
        case groupSnapshotName = "group snapshot name"
        /// Where a volume is attached.
        case attachment
        /// What a volume is on this node: staged, published.
        case nodeVolume = "volume on this node"
        /// A path of this node.
        case path
    }

    /// What kind of thing is held.
    public let kind: Kind

    /// Which one.
    public let value: String

    /// The key of a volume.
    public static func volume(_ id: VolumeID) -> OperationKey { OperationKey(kind: .volume, value: id.rawValue) }

    /// The key of the name of a volume that is being created.
    public static func volumeName(_ name: VolumeName) -> OperationKey {
        OperationKey(kind: .volumeName, value: name.rawValue)
    }

    /// The key of a snapshot.
    public static func snapshot(_ id: SnapshotID) -> OperationKey {
        OperationKey(kind: .snapshot, value: id.rawValue)
    }

    /// The key of the name of a snapshot that is being created.
    public static func snapshotName(_ name: SnapshotName) -> OperationKey {
        OperationKey(kind: .snapshotName, value: name.rawValue)
    }

    /// The key of a group of snapshots.
    public static func groupSnapshot(_ id: GroupSnapshotID) -> OperationKey {
        OperationKey(kind: .groupSnapshot, value: id.rawValue)
    }

    /// The key of the name of a group of snapshots that is being created.
    public static func groupSnapshotName(_ name: GroupSnapshotName) -> OperationKey {
        OperationKey(kind: .groupSnapshotName, value: name.rawValue)
    }

    /// The key of where a volume is attached.
    public static func attachment(_ id: VolumeID) -> OperationKey {
        OperationKey(kind: .attachment, value: id.rawValue)
    }

    /// The key of what a volume is on this node.
    public static func nodeVolume(_ id: VolumeID) -> OperationKey {
        OperationKey(kind: .nodeVolume, value: id.rawValue)
    }

    /// The key of a path where something is mounted.
    public static func path(_ path: AbsolutePath) -> OperationKey {
        OperationKey(kind: .path, value: path.description)
    }

    /// For example `volume "pvc-1"`.
    public var description: String { "\(kind.rawValue) \"\(value)\"" }
}
