/// What an operation holds while it runs: two operations with a key in common never run at the same time.
public struct OperationKey: Sendable, Hashable, CustomStringConvertible {
    /// The kind of thing that is held.
    public enum Kind: String, Sendable, Hashable {
        /// A volume by its id.
        case volume
        /// A volume by the name it is created with.
        case volumeName = "volume name"
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

    /// The key of a path where something is mounted.
    public static func path(_ path: AbsolutePath) -> OperationKey {
        OperationKey(kind: .path, value: path.description)
    }

    /// For example `volume "pvc-1"`.
    public var description: String { "\(kind.rawValue) \"\(value)\"" }
}
