import CSIProto
import CSITransport

/// The connections to a driver.
struct ConformanceEndpoints: Sendable {
    let controller: RPCClient
    let node: RPCClient?
    let launcher: (any ConformanceLauncher)?

    /// The connection that serves the method at `path`.
    func client(for path: String) -> RPCClient {
        path.hasPrefix("/csi.v1.Node/") ? node ?? controller : controller
    }
}

/// The driver under test, as it describes itself.
///
/// What it answers wrongly here is no failure yet: rows of their own ask again.
struct ConformanceSubject: Sendable {
    let endpoints: ConformanceEndpoints
    let configuration: ConformanceConfiguration
    var info = CSIv1.GetPluginInfoResponse()
    var services: Set<CSIv1.PluginCapability.Service.TypeEnum> = []
    var controller: Set<CSIv1.ControllerServiceCapability.RPC.TypeEnum> = []
    var node: Set<CSIv1.NodeServiceCapability.RPC.TypeEnum> = []
    var group: Set<CSIv1.GroupControllerServiceCapability.RPC.TypeEnum> = []
    var nodeInfo = CSIv1.NodeGetInfoResponse()
    var servesNode = false

    /// Part of every name that this run makes up, so that two runs do not meet.
    let tag = String(UInt32.random(in: .min ... .max), radix: 36)

    static func discover(
        _ endpoints: ConformanceEndpoints, _ configuration: ConformanceConfiguration
    ) async -> ConformanceSubject {
        var subject = ConformanceSubject(endpoints: endpoints, configuration: configuration)
        if let reply = await subject.ask(CSIv1.Identity.getPluginInfo, .init()) { subject.info = reply }
        if let reply = await subject.ask(CSIv1.Identity.getPluginCapabilities, .init()) {
            subject.services = Set(reply.capabilities.compactMap(\.service))
        }
        if let reply = await subject.ask(CSIv1.Controller.controllerGetCapabilities, .init()) {
            subject.controller = Set(reply.capabilities.compactMap(\.call))
        }
        if let reply = await subject.ask(CSIv1.GroupController.groupControllerGetCapabilities, .init()) {
            subject.group = Set(reply.capabilities.compactMap(\.call))
        }
        if let reply = await subject.ask(CSIv1.Node.nodeGetCapabilities, .init()) {
            subject.servesNode = true
            subject.node = Set(reply.capabilities.compactMap(\.call))
        }
        if subject.servesNode, let reply = await subject.ask(CSIv1.Node.nodeGetInfo, .init()) {
            subject.nodeInfo = reply
        }
        return subject
    }

    private func ask<Request: ProtoMessage, Response: ProtoMessage>(
        _ method: RPCMethod<Request, Response>, _ request: Request
    ) async -> Response? {
        try? await endpoints.client(for: method.path).unary(method, request, timeout: configuration.callTimeout)
    }
}

extension CSIv1.PluginCapability {
    var service: CSIv1.PluginCapability.Service.TypeEnum? {
        if case .service(let service) = type { service.type } else { nil }
    }

    var expansion: CSIv1.PluginCapability.VolumeExpansion.TypeEnum? {
        if case .volumeExpansion(let expansion) = type { expansion.type } else { nil }
    }
}

extension CSIv1.ControllerServiceCapability {
    var call: CSIv1.ControllerServiceCapability.RPC.TypeEnum? {
        if case .rpc(let rpc) = type { rpc.type } else { nil }
    }
}

extension CSIv1.NodeServiceCapability {
    var call: CSIv1.NodeServiceCapability.RPC.TypeEnum? {
        if case .rpc(let rpc) = type { rpc.type } else { nil }
    }
}

extension CSIv1.GroupControllerServiceCapability {
    var call: CSIv1.GroupControllerServiceCapability.RPC.TypeEnum? {
        if case .rpc(let rpc) = type { rpc.type } else { nil }
    }
}
