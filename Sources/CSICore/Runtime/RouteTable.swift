import CSIProto
import CSITransport

/// Collects the routes of the services that this process offers.
struct RouteTable: Sendable {
    let pipeline: Pipeline
    let role: Role
    private let disabled: Set<Ability>
    private(set) var router = RPCRouter()
    /// The unary handlers by path, for callers within the process.
    private(set) var localHandlers: [String: any Sendable] = [:]

    init(pipeline: Pipeline, role: Role, without disabled: Set<Ability>) {
        self.pipeline = pipeline
        self.role = role
        self.disabled = disabled
    }

    /// Whether configuration leaves a driver this ability and what it builds on.
    func isEnabled(_ ability: Ability) -> Bool {
        !disabled.contains(ability) && (ability.base.map(isEnabled) ?? true)
    }

    /// The driver as something that it can do, nil when it cannot or shall not.
    func enabled<Protocol>(_ ability: Ability, _ conformance: Protocol?) -> Protocol? {
        isEnabled(ability) ? conformance : nil
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

    /// A route that the framework answers from what is at hand, without a task.
    mutating func immediate<Request: ProtoMessage, Reply: ProtoMessage>(
        _ method: RPCMethod<Request, Reply>, handler: @escaping @Sendable () throws(CSIError) -> Reply
    ) {
        let pipeline = pipeline
        @Sendable func serve(_: Request, _ context: RPCContext) throws(RPCError) -> Reply {
            try pipeline.serveImmediately(method.name, context, handler: handler)
        }
        router.immediate(method, handler: serve)
        localHandlers[method.path] = LocalHandler(call: serve)
    }

    /// A route whose answer may take a wait, but no blocking.
    mutating func quick<Request: ProtoMessage, Reply: ProtoMessage>(
        _ method: RPCMethod<Request, Reply>, handler: @escaping @Sendable () async throws(CSIError) -> Reply
    ) {
        let pipeline = pipeline
        @Sendable func serve(_: Request, _ context: RPCContext) async throws(RPCError) -> Reply {
            try await pipeline.serveQuickly(method.name, context, handler: handler)
        }
        install(method, serve)
    }

    /// A streaming route of a service that runs beside the controller.
    mutating func controllerStream<Request: ValidatedRequest, Reply: ProtoMessage>(
        _ method: RPCMethod<Request.Wire, Reply>,
        handler: @escaping @Sendable (Request, RPCWriter<Reply>) async throws(CSIError) -> Void
    ) {
        guard role.servesController else { return }
        let pipeline = pipeline
        router.serverStreaming(method) {
            (wire: Request.Wire, context: RPCContext, writer: RPCWriter<Reply>) async throws(RPCError) in
            @Sendable func stream(_ request: Request) async throws(CSIError) { try await handler(request, writer) }
            try await pipeline.serve(method.name, wire, context, handler: stream)
        }
    }

    private mutating func install<Wire: ProtoMessage, Reply: ProtoMessage>(
        _ method: RPCMethod<Wire, Reply>,
        _ serve: @escaping @Sendable (Wire, RPCContext) async throws(RPCError) -> Reply
    ) {
        router.unary(method, handler: serve)
        localHandlers[method.path] = LocalHandler(call: serve)
    }

    private mutating func add<Request: ValidatedRequest, Reply: ProtoMessage>(
        _ method: RPCMethod<Request.Wire, Reply>,
        handler: @escaping @Sendable (Request) async throws(CSIError) -> Reply
    ) {
        let pipeline = pipeline
        @Sendable func serve(_ wire: Request.Wire, _ context: RPCContext) async throws(RPCError) -> Reply {
            try await pipeline.serve(method.name, wire, context, handler: handler)
        }
        install(method, serve)
    }
}
