import CoreMetrics

/// What is measured of a server as a whole.
final class ServerMetrics: Sendable {
    static let readyDescription = MetricDescription(
        "csi_plugin_ready",
        help: "Whether the driver has started, 1 or 0, which is what Probe answers while it is well.")
    static let infoDescription = MetricDescription(
        "csi_plugin_info", labels: ["driver_name", "version", "commit", "role"],
        help: "Always 1; its labels say what runs.")
    static let registeredDescription = MetricDescription(
        "csi_plugin_kubelet_registered",
        help:
            "Whether the kubelet has said that the driver is registered, 1 or 0; only where csi-node registers itself.")

    static let descriptions = [readyDescription, infoDescription, registeredDescription]

    private let ready: Meter
    private let info: Meter

    /// The metrics of a server; nil when nobody collects any.
    init?(_ plugin: PluginInfo, _ role: Role, factory: any MetricsFactory = MetricsSystem.factory) {
        guard !(factory is NOOPMetricsHandler) else { return nil }
        ready = Meter(label: Self.readyDescription.name, factory: factory)
        let values = [plugin.name, plugin.version, SwiftCSIVersion.commit ?? "", role.rawValue]
        info = Meter(
            label: Self.infoDescription.name, dimensions: Array(zip(Self.infoDescription.labels, values)),
            factory: factory)
        info.set(1)
    }

    func update(isReady: Bool) {
        ready.set(isReady ? 1 : 0)
    }
}
