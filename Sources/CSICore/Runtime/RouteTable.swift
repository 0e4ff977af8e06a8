import CSIProto
import CSITransport

/// Collects the routes of the services that this process offers.
struct RouteTable: Sendable {
    let pipeline: Pipeline
    let role: Role
    let topology: Topology?
    private(set) var router = RPCRouter()

    init(pipeline: Pipeline, role: Role, topology: Topology?) {
        self.pipeline = pipeline
        self.role = role
        self.topology = topology
    }

    /// A route of the Controller service; not installed in a process that only offers Node.
    mutating func controller<Request: ValidatedRequest, Reply: ProtoMessage>(
        _ method: RPCMethod<Request.Wire, Reply>,
        handler: @escaping @Sendable (Request) async throws(CSIError) -> Reply
    ) {
        guard role.servesController else { return }
        add(method, handler: handler)
    }

    /// A route of the Node service; not installed in a process that only offers Controller.
    mutating func node<Request: ValidatedRequest, Reply: ProtoMessage>(
        _ method: RPCMethod<Request.Wire, Reply>,
        handler: @escaping @Sendable (Request) async throws(CSIError) -> Reply
    ) {
        guard role.servesNode else { return }
        add(method, handler: handler)
    }

    /// A route that the framework answers by itself, at once.
    mutating func quick<Request: ProtoMessage, Reply: ProtoMessage>(
        _ method: RPCMethod<Request, Reply>, handler: @escaping @Sendable () async throws(CSIError) -> Reply
    ) {
        let pipeline = pipeline
        router.unary(method) { (_: Request, context: RPCContext) async throws(RPCError) -> Reply in
            try await pipeline.serveQuickly(method.name, context, handler: handler)
        }
    }

    private mutating func add<Request: ValidatedRequest, Reply: ProtoMessage>(
        _ method: RPCMethod<Request.Wire, Reply>,
        handler: @escaping @Sendable (Request) async throws(CSIError) -> Reply
    ) {
        let pipeline = pipeline
        router.unary(method) { (wire: Request.Wire, context: RPCContext) async throws(RPCError) -> Reply in
            try await pipeline.serve(method.name, wire, context, handler: handler)
        }
    }
}
