import CSIProto
import CSITestKit
import CSITransport
import Synchronization

/// A driver in memory that does everything right, built directly on routes, with room for one fault.
final class MemoryDriver: Sendable {
    /// What the driver can do.
    enum Variant: String, Sendable, CaseIterable {
        /// All of CSI 1.12.
        case full
        /// Volumes and their publication, and nothing optional.
        case bare
        /// A node without a controller.
        case nodeOnly
    }

    /// The part that an endpoint serves.
    enum Role: Sendable {
        case controller
        case node
    }

    struct Volume: Sendable {
        var message: CSIv1.Volume
        var name: String
        var capabilities: [CSIv1.VolumeCapability]
        var parameters: ProtoMap<String, String>
        var content: String?
        var attachments: [String: Use] = [:]
        var staged: [String: CSIv1.VolumeCapability] = [:]
        var published: [String: Use] = [:]
    }

    /// A volume in use by a node or at a target.
    struct Use: Sendable, Hashable {
        var capability: CSIv1.VolumeCapability?
        var readonly: Bool
    }

    struct Snapshot: Sendable {
        var message: CSIv1.Snapshot
        var name: String
        var capacity: Int64
        var content: String?
    }

    struct Group: Sendable {
        var message: CSIv1.VolumeGroupSnapshot
        var name: String
        var sources: [String]
    }

    struct State: Sendable {
        var serial = 0
        var volumes: [String: Volume] = [:]
        var snapshots: [String: Snapshot] = [:]
        var groups: [String: Group] = [:]
        var directories: Set<String> = []
        var stacked: Set<String> = []
        var calls: [String: Int] = [:]
    }

    static let topology = CSIv1.Topology(segments: ["example/zone": "a"])
    static let nodes = ["node-1", "node-2"]
    static let attachLimit = 3

    let variant: Variant
    let fault: Fault?
    let state = Mutex(State())

    init(_ variant: Variant, fault: Fault? = nil) {
        self.variant = variant
        self.fault = fault
    }

    var isFull: Bool { variant == .full }

    /// The routes of one endpoint.
    func router(_ role: Role) -> RPCRouter {
        var router = RPCRouter()
        addIdentity(&router, role)
        if role == .controller && variant != .nodeOnly { addController(&router, role) }
        if role == .controller && isFull {
            addSnapshots(&router, role)
            addGroups(&router, role)
            addMetadata(&router, role)
        }
        if role == .node { addNode(&router, role) }
        fault?.extraRoutes(&router)
        return router
    }

    /// Adds a method, behind the fault.
    func add<Request: ProtoMessage, Response: ProtoMessage>(
        _ router: inout RPCRouter, _ role: Role, _ method: RPCMethod<Request, Response>,
        _ handle: @escaping @Sendable (Request) throws(RPCError) -> Response
    ) {
        router.unary(method) { [self] (request, _) async throws(RPCError) in
            let result = pass(method.path, role, request) { request in
                guard let request = request as? Request else { return .failure(.wrongType) }
                do throws(RPCError) { return .success(try handle(request)) } catch { return .failure(error) }
            }
            guard let response = try result.get() as? Response else { throw .wrongType }
            return response
        }
    }

    /// Runs a call through the fault, if it is one for this method.
    func pass(
        _ path: String, _ role: Role, _ request: any ProtoMessage, _ good: Fault.Good
    ) -> Result<any ProtoMessage, RPCError> {
        guard let fault, fault.path == nil || fault.path == path, fault.role == nil || fault.role == role else {
            return good(request)
        }
        let count = state.withLock { state in
            state.calls[path, default: 0] += 1
            return state.calls[path, default: 0]
        }
        let result = fault.act(request, count, good)
        state.withLock { fault.state(&$0) }
        return result
    }

    private func addIdentity(_ router: inout RPCRouter, _ role: Role) {
        add(&router, role, CSIv1.Identity.getPluginInfo) { (_) throws(RPCError) in
            .init(name: "memory.csi.example", vendorVersion: "1.2.3", manifest: ["build": "test"])
        }
        add(&router, role, CSIv1.Identity.probe) { (_) throws(RPCError) in .init(ready: .init(value: true)) }
        add(&router, role, CSIv1.Identity.getPluginCapabilities) { [variant] (_) throws(RPCError) in
            var services: [CSIv1.PluginCapability.Service.TypeEnum] = variant == .nodeOnly ? [] : [.controllerService]
            if variant == .full {
                services += [.volumeAccessibilityConstraints, .groupControllerService, .snapshotMetadataService]
            }
            var list = services.map { CSIv1.PluginCapability(type: .service(.init(type: $0))) }
            if variant == .full { list.append(.init(type: .volumeExpansion(.init(type: .online)))) }
            return .init(capabilities: list)
        }
    }
}

extension RPCError {
    static let wrongType = RPCError(code: .internalError, message: "a fault changed the type of a message")

    static func invalid(_ message: String) -> RPCError { RPCError(code: .invalidArgument, message: message) }

    static func missing(_ id: String) -> RPCError { RPCError(code: .notFound, message: "there is no \(id)") }

    static func exists(_ id: String) -> RPCError {
        RPCError(code: .alreadyExists, message: "\(id) exists with other arguments")
    }
}
