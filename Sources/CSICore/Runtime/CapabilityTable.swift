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
        /// Installs the routes when the driver conforms; false when it does not.
        let install: @Sendable (any CSIDriver, inout RouteTable) -> Bool
    }

    /// The rows in the order in which capabilities are listed.
    static let rows: [Row] = [
        Row(
            ability: .volumeProvisioning, plugin: [.controllerService], controller: [.createDeleteVolume],
            install: { driver, routes in
                guard let driver = driver as? any VolumeProvisioning else { return false }
                routes.addProvisioning(driver)
                return true
            }),
        Row(
            ability: .volumeListing, controller: [.listVolumes],
            install: { driver, routes in
                guard let driver = driver as? any VolumeListing else { return false }
                routes.addListing(driver)
                return true
            }),
        Row(
            ability: .capacityReporting, controller: [.getCapacity],
            install: { driver, routes in
                guard let driver = driver as? any CapacityReporting else { return false }
                routes.addCapacity(driver)
                return true
            }),
        Row(
            ability: .volumeReading, controller: [.getVolume],
            install: { driver, routes in
                guard let driver = driver as? any VolumeReading else { return false }
                routes.addReading(driver)
                return true
            }),
        Row(
            ability: .volumeHealthReporting, controller: [.volumeCondition],
            install: { driver, _ in driver is any VolumeHealthReporting }),
        Row(
            ability: .volumePublishing, node: [.getVolumeStats],
            install: { driver, routes in
                guard let driver = driver as? any VolumePublishing else { return false }
                routes.addPublishing(driver)
                return true
            }),
        Row(
            ability: .nodeHealthReporting, node: [.volumeCondition],
            install: { driver, _ in driver is any NodeHealthReporting }),
        Row(
            ability: .topologyAware, plugin: [.volumeAccessibilityConstraints],
            install: { driver, _ in driver is any TopologyAware }),
    ]

    private(set) var plugin: [CSIv1.PluginCapability.Service.TypeEnum] = []
    private(set) var controller: [CSIv1.ControllerServiceCapability.RPC.TypeEnum] = []
    private(set) var node: [CSIv1.NodeServiceCapability.RPC.TypeEnum] = []

    /// Installs what the driver conforms to, without what `disabled` takes away.
    init(of driver: any CSIDriver, without disabled: Set<Ability>, into routes: inout RouteTable) {
        for row in Self.rows where !disabled.contains(row.ability) {
            guard row.install(driver, &routes) else { continue }
            plugin += row.plugin
            controller += row.controller
            node += row.node
        }
        // The declared access modes speak for both services.
        let provisioning = (driver as? any VolumeProvisioning)?.support ?? (driver as? any VolumePublishing)?.support
        if provisioning?.tellsSingleFromMultiWriter == true {
            if !controller.isEmpty { controller.append(.singleNodeMultiWriter) }
            if !node.isEmpty { node.append(.singleNodeMultiWriter) }
        }
    }
}
