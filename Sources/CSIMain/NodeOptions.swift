public import ArgumentParser
import CSIProgram

/// The flags of `csi-node` besides those of ``DriverOptions``.
public struct NodeOptions: ParsableArguments {
    /// Whether the Controller service is served as well.
    @Flag(
        help: """
            Serve the Controller service on the same socket, too, for storage that lives on the node. \
            [env: SWIFT_CSI_WITH_CONTROLLER=true]
            """)
    public var withController = false

    /// Where the kubelet finds the socket.
    @Option(
        name: .customLong("kubelet-registration-path"),
        help: ArgumentHelp(
            """
            Register with the kubelet, which finds the socket at this path of the host; without it, run a node driver \
            registrar beside this program. [env: SWIFT_CSI_KUBELET_REGISTRATION_PATH]
            """, valueName: "path"))
    public var kubeletRegistrationPath: String?

    /// The directory that the kubelet watches.
    @Option(
        name: .customLong("kubelet-registry"),
        help: ArgumentHelp(
            """
            The directory that the kubelet watches for plugins. [env: SWIFT_CSI_KUBELET_REGISTRY] (default: \
            /var/lib/kubelet/plugins_registry)
            """, valueName: "dir"))
    public var kubeletRegistry: String?

    /// The kubelet's own directory.
    @Option(
        name: .customLong("kubelet-dir"),
        help: ArgumentHelp(
            """
            The kubelet's directory, for example /var/lib/kubelet: wait, not ready, until mounts below it reach the node. \
            [env: SWIFT_CSI_KUBELET_DIR] (default: do not look)
            """, valueName: "dir"))
    public var kubeletDirectory: String?

    /// Creates options without values; the parser fills them.
    public init() {}

    func value(of setting: Setting) -> String? {
        switch setting.flag {
        case "--with-controller": withController ? "true" : nil
        case "--kubelet-registration-path": kubeletRegistrationPath
        case "--kubelet-registry": kubeletRegistry
        case "--kubelet-dir": kubeletDirectory
        default: nil
        }
    }
}
