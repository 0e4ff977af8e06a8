/// A driver that makes volumes visible on its node: the Node service, and GET_VOLUME_STATS.
public protocol VolumePublishing: CSIDriver {
    /// The id of the node that this process runs on.
    var nodeID: NodeID { get }

    /// The ways in which this driver's volumes can be used.
    var support: VolumeSupport { get }

    /// How many volumes the node can publish; 0 sets no limit.
    var maximumVolumesPerNode: Int64 { get }

    /// Makes the volume visible at the target.
    ///
    /// Whether it is there already is decided from the kernel's mount table: the same volume with the same arguments is
    /// success, anything else ALREADY_EXISTS.
    /// - Throws: NOT_FOUND for an unknown volume, FAILED_PRECONDITION when the volume cannot be used that way.
    func publish(_ request: PublishVolume) async throws(CSIError)

    /// Takes the volume away from the target and removes the target. The absent is success, an unknown volume too.
    func unpublish(_ request: UnpublishVolume) async throws(CSIError)

    /// How full the volume at the path is.
    /// - Throws: NOT_FOUND when the volume is unknown or not at that path.
    func stats(_ request: GetVolumeStats) async throws(CSIError) -> VolumeStats
}

extension VolumePublishing {
    /// No limit.
    public var maximumVolumesPerNode: Int64 { 0 }
}

/// A driver whose node can take more or fewer volumes as time goes by, for example because others use its slots.
///
/// NodeGetInfo then asks the driver each time; Kubernetes repeats the question where the CSIDriver object sets
/// `nodeAllocatableUpdatePeriodSeconds`.
public protocol NodeLimitReporting: VolumePublishing {
    /// How many volumes of this driver the node can have at the same time, those that it has included; 0 sets no limit.
    func volumeLimit() async throws(CSIError) -> Int64
}

/// A driver whose stats carry the volume's condition: VOLUME_CONDITION on the node.
public protocol NodeHealthReporting: VolumePublishing {}

/// How full a volume is.
public struct VolumeStats: Sendable, Hashable {
    /// An amount in one unit.
    public struct Usage: Sendable, Hashable {
        /// What is left for users without privileges.
        public let available: Int64
        /// All there is.
        public let total: Int64
        /// What is taken.
        public let used: Int64

        /// Creates an amount.
        public init(available: Int64, total: Int64, used: Int64) {
            self.available = available
            self.total = total
            self.used = used
        }
    }

    /// In bytes.
    public let bytes: Usage

    /// In inodes; nil where there is no such limit.
    public let inodes: Usage?

    /// The volume's condition; nil when the driver does not look.
    public let condition: VolumeCondition?

    /// Creates stats.
    public init(bytes: Usage, inodes: Usage?, condition: VolumeCondition? = nil) {
        self.bytes = bytes
        self.inodes = inodes
        self.condition = condition
    }
}
