public import SystemPackage

/// A directory or file, identified by its file system and its path inside it.
///
/// Two mounts with the same origin show the same thing, whatever path each was made from.
public struct MountOrigin: Sendable, Hashable, CustomStringConvertible {
    /// The device of the file system.
    public var device: DeviceNumber

    /// The path inside the file system, absolute.
    public var root: FilePath

    /// Creates an origin.
    public init(device: DeviceNumber, root: FilePath) {
        self.device = device
        self.root = root
    }

    /// The device and the path, for example `8:1/pool/volumes/v1`.
    public var description: String { "\(device)\(root)" }
}
