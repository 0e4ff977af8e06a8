import CSIProto

/// How many nodes and workloads may use a volume at a time.
public enum AccessMode: String, Sendable, Hashable, CaseIterable, CustomStringConvertible {
    /// Read and write on one node.
    case singleNodeWriter = "SINGLE_NODE_WRITER"
    /// Read only on one node.
    case singleNodeReaderOnly = "SINGLE_NODE_READER_ONLY"
    /// Read only on many nodes.
    case multiNodeReaderOnly = "MULTI_NODE_READER_ONLY"
    /// Read on many nodes, write on one.
    case multiNodeSingleWriter = "MULTI_NODE_SINGLE_WRITER"
    /// Read and write on many nodes.
    case multiNodeMultiWriter = "MULTI_NODE_MULTI_WRITER"
    /// Read and write by one workload on one node (ReadWriteOncePod).
    case singleNodeSingleWriter = "SINGLE_NODE_SINGLE_WRITER"
    /// Read and write by many workloads on one node.
    case singleNodeMultiWriter = "SINGLE_NODE_MULTI_WRITER"

    init?(_ wire: CSIv1.VolumeCapability.AccessMode.Mode) {
        guard let name = wire.name, let mode = AccessMode(rawValue: name) else { return nil }
        self = mode
    }

    /// Whether a second target path on the same node must be refused.
    public var allowsOneTargetOnly: Bool { self == .singleNodeSingleWriter }

    /// Whether nothing may be written through this access.
    public var isReadOnly: Bool { self == .singleNodeReaderOnly || self == .multiNodeReaderOnly }

    /// The mode's name in the specification.
    public var description: String { rawValue }

    var wire: CSIv1.VolumeCapability.AccessMode.Mode {
        switch self {
        case .singleNodeWriter: .singleNodeWriter
        case .singleNodeReaderOnly: .singleNodeReaderOnly
        case .multiNodeReaderOnly: .multiNodeReaderOnly
        case .multiNodeSingleWriter: .multiNodeSingleWriter
        case .multiNodeMultiWriter: .multiNodeMultiWriter
        case .singleNodeSingleWriter: .singleNodeSingleWriter
        case .singleNodeMultiWriter: .singleNodeMultiWriter
        }
    }
}
