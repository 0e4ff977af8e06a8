/// A driver whose volumes are not reachable from everywhere: VOLUME_ACCESSIBILITY_CONSTRAINTS.
public protocol TopologyAware: CSIDriver {
    /// Where the node of this process is; what NodeGetInfo answers.
    var topology: Topology { get }
}
