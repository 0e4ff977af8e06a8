import CSIProto

extension CapabilityTable {
    fileprivate var expansionWire: [CSIv1.PluginCapability] {
        switch expansion {
        case .online: [.init(type: .volumeExpansion(.init(type: .online)))]
        case .offline: [.init(type: .volumeExpansion(.init(type: .offline)))]
        case nil: []
        }
    }
}

extension RouteTable {
    /// The Identity service, and the capability questions of the services that this process offers.
    mutating func addIdentity(_ driver: any CSIDriver, readiness: Readiness, capabilities: CapabilityTable) {
        let info = driver.info
        var manifest = ProtoMap<String, String>()
        for (key, value) in info.manifest.sorted(by: { $0.key < $1.key }) { manifest[key] = value }
        let pluginInfo = CSIv1.GetPluginInfoResponse(name: info.name, vendorVersion: info.version, manifest: manifest)
        quick(CSIv1.Identity.getPluginInfo) { () async throws(CSIError) in pluginInfo }

        let plugin = CSIv1.GetPluginCapabilitiesResponse(
            capabilities: capabilities.plugin.map { .init(type: .service(.init(type: $0))) }
                + capabilities.expansionWire)
        quick(CSIv1.Identity.getPluginCapabilities) { () async throws(CSIError) in plugin }

        quick(CSIv1.Identity.probe) { () async throws(CSIError) in
            switch readiness.state {
            case .starting: return CSIv1.ProbeResponse(ready: .init(value: false))
            case .failed(let error): throw .preconditionFailed(error.message)
            case .ready:
                do throws(CSIError) {
                    try await driver.checkHealth()
                } catch {
                    throw .preconditionFailed(error.message)
                }
                return CSIv1.ProbeResponse(ready: .init(value: true))
            }
        }

        if role.servesController, !capabilities.controller.isEmpty {
            let reply = CSIv1.ControllerGetCapabilitiesResponse(
                capabilities: capabilities.controller.map { .init(type: .rpc(.init(type: $0))) })
            quick(CSIv1.Controller.controllerGetCapabilities) { () async throws(CSIError) in reply }
        }
        if role.servesController, !capabilities.group.isEmpty {
            let reply = CSIv1.GroupControllerGetCapabilitiesResponse(
                capabilities: capabilities.group.map { .init(type: .rpc(.init(type: $0))) })
            quick(CSIv1.GroupController.groupControllerGetCapabilities) { () async throws(CSIError) in reply }
        }
        if role.servesNode, !capabilities.node.isEmpty {
            let reply = CSIv1.NodeGetCapabilitiesResponse(
                capabilities: capabilities.node.map { .init(type: .rpc(.init(type: $0))) })
            quick(CSIv1.Node.nodeGetCapabilities) { () async throws(CSIError) in reply }
        }
    }
}
