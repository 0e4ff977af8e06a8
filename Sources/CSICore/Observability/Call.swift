/// One call, as logs and reports name it.
struct Call: Sendable {
    /// The method's name, for example `CreateVolume`.
    let method: String

    /// The path of the method, for example `/csi.v1.Controller/CreateVolume`.
    let path: String

    /// Different for every call.
    let id: RequestID

    /// The caller's trace; nil when it sent none.
    let trace: TraceParent?

    /// When it came.
    let startedAt: ContinuousClock.Instant

    /// Whether a success is worth no line: what callers ask all the time, and what changes nothing.
    var isRoutine: Bool {
        switch method {
        case "Probe", "GetPluginCapabilities", "ControllerGetCapabilities", "NodeGetCapabilities",
            "GroupControllerGetCapabilities":
            true
        default: false
        }
    }
}
