import CSIProto

/// Where a new volume must be reachable from, and where preferably.
public struct TopologyRequirement: Sendable, Hashable {
    /// The volume must be accessible from at least one of these; empty sets no condition.
    public let requisite: [Topology]

    /// The caller's wishes, best first.
    public let preferred: [Topology]

    init(validating wire: CSIv1.TopologyRequirement, field: String = "accessibility_requirements") throws(CSIError) {
        requisite = try Self.list(wire.requisite, "\(field).requisite")
        preferred = try Self.list(wire.preferred, "\(field).preferred")
    }

    /// Whether a volume that lives at `topology` meets the requirement; wishes alone never rule one out.
    public func isMet(by topology: Topology) -> Bool {
        requisite.isEmpty || requisite.contains { topology.isAccessible(from: $0) }
    }

    private static func list(_ wire: [CSIv1.Topology], _ field: String) throws(CSIError) -> [Topology] {
        var topologies: [Topology] = []
        for (index, topology) in wire.enumerated() {
            topologies.append(try Topology(validating: topology, field: "\(field)[\(index)]"))
        }
        return topologies
    }
}
