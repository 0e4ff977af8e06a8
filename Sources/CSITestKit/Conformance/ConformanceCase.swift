/// One row of the conformance suite.
public struct ConformanceCase: Sendable, CustomStringConvertible {
    /// The name of the row, for example `create-volume/no-name`; the part before the slash is its group.
    public let id: String

    /// What the driver does when it is right, in one line.
    public let title: String

    /// Where the expectation comes from.
    public let origin: ConformanceOrigin

    /// What the driver must advertise and the suite must have for the row to make sense.
    let needs: [ConformanceNeed]

    /// Throws a finding when the driver is wrong.
    let steps: @Sendable (ConformanceTrial) async throws -> Void

    init(
        _ id: String, _ title: String, _ origin: ConformanceOrigin = .specification, needs: [ConformanceNeed] = [],
        steps: @escaping @Sendable (ConformanceTrial) async throws -> Void
    ) {
        self.id = id
        self.title = title
        self.origin = origin
        self.needs = needs
        self.steps = steps
    }

    /// The group of the row.
    public var group: String { String(id.prefix { $0 != "/" }) }

    /// The id and the title.
    public var description: String { "\(id): \(title)" }

    static let all: [ConformanceCase] =
        identity + capabilities + capacity + createVolume + createVolumeIdempotency + contentSources + deleteVolume
        + validateVolume + listVolumes + controllerPublish + expandVolume + modifyVolume + getVolume + createSnapshot
        + deleteSnapshot + listSnapshots + getSnapshot + nodeInfo + nodeStage + nodePublish + nodePublishDifferences
        + nodePublishContent + nodeUnpublish + nodeStats + nodeExpand + groupSnapshots + snapshotMetadata + lifecycle
        + concurrency + answers + launching
}

/// Where an expectation comes from.
public struct ConformanceOrigin: Sendable, Hashable, CustomStringConvertible {
    /// A short name for a report.
    public let description: String

    /// An origin with this name.
    public init(_ description: String) {
        self.description = description
    }

    /// The specification of CSI 1.12.
    public static let specification = ConformanceOrigin("CSI 1.12")
    /// The public suite csi-sanity checks it.
    public static let sanity = ConformanceOrigin("csi-sanity")
    /// The sidecars of Kubernetes rely on it.
    public static let sidecars = ConformanceOrigin("sidecars")
    /// A reference driver was seen to get it wrong.
    public static let knownDefect = ConformanceOrigin("known defect")
    /// The protocols below: gRPC, HTTP/2 and protobuf.
    public static let transport = ConformanceOrigin("gRPC")
}
