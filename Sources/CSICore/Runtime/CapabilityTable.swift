import CSIProto

/// The one table from which both the advertised capabilities and the routes come: a driver that does not conform to an
/// ability has neither, and an ability that configuration takes away loses both.
struct CapabilityTable: Sendable {
    /// One ability: what it advertises, and the routes it installs.
    struct Row: Sendable {
        let ability: Ability
        var plugin: [CSIv1.PluginCapability.Service.TypeEnum] = []
        var controller: [CSIv1.ControllerServiceCapability.RPC.TypeEnum] = []
        var node: [CSIv1.NodeServiceCapability.RPC.TypeEnum] = []
        var group: [CSIv1.GroupControllerServiceCapability.RPC.TypeEnum] = []
        /// Installs the routes when the driver conforms; false when it does not.
        let install: @Sendable (any CSIDriver, inout RouteTable) -> Bool
    }

    private(set) var plugin: [CSIv1.PluginCapability.Service.TypeEnum] = []
    private(set) var controller: [CSIv1.ControllerServiceCapability.RPC.TypeEnum] = []
    private(set) var node: [CSIv1.NodeServiceCapability.RPC.TypeEnum] = []
    private(set) var group: [CSIv1.GroupControllerServiceCapability.RPC.TypeEnum] = []
    private(set) var expansion: ExpansionMode?

    /// Installs what the driver conforms to, without what `routes` takes away.
    init(of driver: any CSIDriver, into routes: inout RouteTable) {
        for row in Self.rows where routes.isEnabled(row.ability) {
            guard row.install(driver, &routes) else { continue }
            plugin += row.plugin
            controller += row.controller
            node += row.node
            group += row.group
        }
        if !controller.isEmpty, !plugin.contains(.controllerService) { plugin.insert(.controllerService, at: 0) }
        if controller.contains(.expandVolume) { expansion = (driver as? any VolumeExpanding)?.expansionMode }
        // The declared access modes speak for both services.
        let support = (driver as? any VolumeProvisioning)?.support ?? (driver as? any VolumePublishing)?.support
        if support?.tellsSingleFromMultiWriter == true {
            if !controller.isEmpty { controller.append(.singleNodeMultiWriter) }
            if !node.isEmpty { node.append(.singleNodeMultiWriter) }
        }
    }
}
