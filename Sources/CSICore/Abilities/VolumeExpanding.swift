/// Whether a volume can grow while it is in use.
public enum ExpansionMode: Sendable, Hashable {
    /// While published, too.
    case online
    /// Only while nobody uses it.
    case offline
}

/// A driver whose volumes can grow: EXPAND_VOLUME on the controller, and ONLINE or OFFLINE for the plugin.
///
/// A controller can have this ability alone: one that answers for volumes which are made, and grow, on their nodes.
public protocol VolumeExpanding: CSIDriver {
    /// Whether volumes grow while in use.
    var expansionMode: ExpansionMode { get }

    /// Makes the volume at least as large as the request says; never smaller.
    /// - Throws: NOT_FOUND, FAILED_PRECONDITION while it is in use (offline), OUT_OF_RANGE for a size that can never be
    ///   had, RESOURCE_EXHAUSTED when there is no room now.
    func expand(_ request: ExpandVolume) async throws(CSIError) -> Expansion
}

/// What has become of a volume that was to grow.
public struct Expansion: Sendable, Hashable {
    /// The size of the volume now, in bytes.
    public let capacity: Int64

    /// Whether the node has to grow what it shows, too.
    public let needsNode: Bool

    /// Creates an answer.
    public init(capacity: Int64, needsNode: Bool) {
        self.capacity = capacity
        self.needsNode = needsNode
    }
}

/// A driver whose node part has to grow what it shows, for example a file system: EXPAND_VOLUME on the node.
public protocol NodeExpanding: VolumePublishing {
    /// Makes what is at the path as large as the volume.
    /// - Returns: The size in bytes now.
    /// - Throws: NOT_FOUND when the volume is unknown or not at that path.
    func expandOnNode(_ request: ExpandVolumeOnNode) async throws(CSIError) -> Int64
}
