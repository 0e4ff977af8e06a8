public import CSIProto

/// What the conformance suite asks a driver for, and where on the node.
public struct ConformanceConfiguration: Sendable {
    /// How the suite uses volumes.
    public enum AccessType: String, Sendable, Hashable, CaseIterable {
        /// As mounted file systems.
        case mount
        /// As raw block devices.
        case block
    }

    /// How volumes are used.
    public var accessType = AccessType.mount

    /// The access mode that volumes are made with.
    public var accessMode = CSIv1.VolumeCapability.AccessMode.Mode.singleNodeWriter

    /// The file system that mounted volumes ask for; empty leaves the choice to the driver.
    public var fsType = ""

    /// The parameters of every CreateVolume, as in a StorageClass.
    public var parameters: ProtoMap<String, String> = [:]

    /// Other valid parameters that make a volume incompatible with one of `parameters`; empty skips that row.
    public var otherParameters: ProtoMap<String, String> = [:]

    /// The mutable parameters that the driver accepts; empty skips the rows that need them.
    public var mutableParameters: ProtoMap<String, String> = [:]

    /// The parameters of every CreateSnapshot.
    public var snapshotParameters: ProtoMap<String, String> = [:]

    /// The secrets of every call that takes some.
    public var secrets: ProtoMap<String, String> = [:]

    /// The size of volumes in bytes.
    public var volumeSize: Int64 = 10 << 30

    /// The size that volumes are expanded to, in bytes; nil is `volumeSize` and at most 1 GiB more.
    public var expandedVolumeSize: Int64?

    /// An existing directory of the node, below which the suite makes staging paths.
    public var stagingDirectory = "/tmp/csi-staging"

    /// An existing directory of the node, below which the suite has volumes published.
    public var targetDirectory = "/tmp/csi-mount"

    /// A second node that volumes can be attached to; nil skips the rows that need one.
    public var secondNodeID: String?

    /// Whether to attach as many volumes as the node takes, and one more.
    public var testsAttachLimit = false

    /// How often the rows about repeated calls repeat them.
    public var repeats = 10

    /// How long one call may take.
    public var callTimeout = Duration.seconds(60)

    /// The node's file system, as far as the suite can reach it.
    public var site: any ConformanceSite = LocalSite()

    /// The patterns of the rows to run, in which `*` stands for any text; empty runs all.
    public var only: [String] = []

    /// Called after each row.
    public var onResult: (@Sendable (ConformanceReport.Result) -> Void)?

    /// The defaults of the public conformance suite: volumes of 10 GiB, mounted, for a single writer.
    public init() {}

    /// The size after an expansion, in bytes.
    var expandedSize: Int64 {
        if let expandedVolumeSize { return expandedVolumeSize }
        let (sum, overflow) = volumeSize.addingReportingOverflow(min(1 << 30, max(volumeSize, 1)))
        return overflow ? .max : sum
    }

    /// Whether the row with this id is to run.
    func selects(_ id: String) -> Bool {
        only.isEmpty || only.contains { ConformanceConfiguration.matches(id[...], $0[...]) }
    }

    private static func matches(_ text: Substring, _ pattern: Substring) -> Bool {
        guard let first = pattern.first else { return text.isEmpty }
        if first == "*" {
            let rest = pattern.dropFirst()
            return rest.isEmpty || text.indices.contains { matches(text[$0...], rest) }
        }
        return text.first == first && matches(text.dropFirst(), pattern.dropFirst())
    }
}
