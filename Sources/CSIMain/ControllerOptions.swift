public import ArgumentParser
import CSIProgram

/// The flags of `csi-controller` besides those of ``DriverOptions``.
public struct ControllerOptions: ParsableArguments {
    /// Whether only growth is answered, on behalf of the nodes.
    @Flag(
        help: """
            Answer ControllerExpandVolume only, for volumes that live on nodes and grow there: one of these runs for the \
            whole cluster, beside the external resizer. Takes no pool and no node id. [env: SWIFT_CSI_EXPANSION_ONLY=true]
            """)
    public var expansionOnly = false

    /// Creates options without values; the parser fills them.
    public init() {}

    func value(of setting: Setting) -> String? {
        setting.flag == Setting.expansionOnly.flag && expansionOnly ? "true" : nil
    }
}
