public import CSICore
public import CSIHost

/// How the NFS backend is set up.
public struct NFSConfiguration: Sendable {
    /// The driver's name and version.
    public var info: PluginInfo

    /// The node that this process runs on.
    public var nodeID: NodeID

    /// The shares that are listed and whose room is added up, beside those that were used since the start.
    public var shares: [NFSLocation] = []

    /// What becomes of a volume's directory where neither the class nor the handle says.
    public var onDelete = DeletePolicy.delete

    /// How a share is mounted for the driver where neither the handle nor a secret says.
    public var mountOptions = NFSMountOptions()

    /// How long an unmount may take in the ordinary way.
    public var unmountDeadline = Duration.seconds(10)

    /// Whether an unmount that takes longer is forced before it is detached; see `UnmountPolicy.forces`.
    public var forcesUnmounts = false

    /// How long a caller waits for a snapshot before it is told that it is not ready yet.
    public var snapshotWait = Duration.seconds(10)

    /// Creates a configuration.
    public init(info: PluginInfo, nodeID: NodeID) {
        self.info = info
        self.nodeID = nodeID
    }
}
