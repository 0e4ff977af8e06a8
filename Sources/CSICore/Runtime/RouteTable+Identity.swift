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
        immediate(CSIv1.Identity.getPluginInfo) { () throws(CSIError) in pluginInfo }

        let plugin = CSIv1.GetPluginCapabilitiesResponse(
            capabilities: capabilities.plugin.map { .init(type: .service(.init(type: $0))) }
                + capabilities.expansionWire)
        immediate(CSIv1.Identity.getPluginCapabilities) { () throws(CSIError) in plugin }

        addProbe(driver, readiness: readiness)

        if role.servesController, !capabilities.controller.isEmpty {
            let reply = CSIv1.ControllerGetCapabilitiesResponse(
                capabilities: capabilities.controller.map { .init(type: .rpc(.init(type: $0))) })
            immediate(CSIv1.Controller.controllerGetCapabilities) { () throws(CSIError) in reply }
        }
        if role.servesController, !capabilities.group.isEmpty {
            let reply = CSIv1.GroupControllerGetCapabilitiesResponse(
                capabilities: capabilities.group.map { .init(type: .rpc(.init(type: $0))) })
            immediate(CSIv1.GroupController.groupControllerGetCapabilities) { () throws(CSIError) in reply }
        }
        if role.servesNode, !capabilities.node.isEmpty {
            let reply = CSIv1.NodeGetCapabilitiesResponse(
                capabilities: capabilities.node.map { .init(type: .rpc(.init(type: $0))) })
            immediate(CSIv1.Node.nodeGetCapabilities) { () throws(CSIError) in reply }
        }
    }

    private mutating func addProbe(_ driver: any CSIDriver, readiness: Readiness) {
        @Sendable func answer() throws(CSIError) -> CSIv1.ProbeResponse {
            switch readiness.state {
            case .starting, .waiting: return CSIv1.ProbeResponse(ready: .init(value: false))
            case .failed(let error): throw .preconditionFailed(error.message)
            case .ready: return CSIv1.ProbeResponse(ready: .init(value: true))
            }
        }
        guard let checked = driver as? any HealthChecking else {
            immediate(CSIv1.Identity.probe, handler: answer)
            return
        }
        quick(CSIv1.Identity.probe) { () async throws(CSIError) in
            let reply = try answer()
            guard reply.ready?.value == true else { return reply }
            do throws(CSIError) {
                try await checked.checkHealth()
            } catch {
                throw .preconditionFailed(error.message)
            }
            return reply
        }
    }
}
