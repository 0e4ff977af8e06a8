/// How a volume's content lies in the pool.
public enum VolumeContent: String, Sendable, Hashable {
    /// In a directory that pods see as it is.
    case directory
    /// In one file that a node attaches as a block device.
    case image
}
