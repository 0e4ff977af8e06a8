import CSIProto

/// Where a volume or a node is: segment keys such as `topology.example.com/zone` with their values.
public struct Topology: Sendable, Hashable, CustomStringConvertible {
    /// Values by key.
    public let segments: [String: String]

    /// Creates a topology.
    public init(_ segments: [String: String]) {
        self.segments = segments
    }

    init(validating wire: CSIv1.Topology, field: String) throws(CSIError) {
        let pairs = try StringMap(validating: wire.segments, field: "\(field).segments")
        segments = pairs.values
    }

    /// Whether what is at `self` can be reached from `node`: every segment of `self` has the node's value.
    public func isAccessible(from node: Topology) -> Bool {
        segments.allSatisfy { node.segments[$0.key] == $0.value }
    }

    /// The segments in the order of their keys, for example `{zone=a}`.
    public var description: String {
        "{" + segments.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: ", ") + "}"
    }

    var wire: CSIv1.Topology {
        var map = ProtoMap<String, String>()
        for (key, value) in segments.sorted(by: { $0.key < $1.key }) { map[key] = value }
        return .init(segments: map)
    }
}
