import CSILock
public import CSIProto
public import CSITransport
public import Logging

/// A driver called within this process: every call goes the way of a call from a socket, from the decoded message on.
///
/// For tests, which need no socket and can choose the executor that handlers run on, and for programs that are their own
/// caller.
///
/// ```swift
/// let local = LocalDriver(driver)
/// try await local.start()
/// let reply = try await local.call(CSIv1.Controller.createVolume, request)
/// ```
///
/// ``call(_:_:metadata:)`` skips the wire. ``connect()`` gives the client that is used on sockets, whose calls go through
/// HTTP/2 and the codec as well, streams included:
///
/// ```swift
/// let client = try await local.connect()                      // or: RPCClient.connect(to: endpoint)
/// let reply = try await client.unary(CSIv1.Controller.createVolume, request)
/// ```
public final class LocalDriver: Sendable {
    private let driver: any CSIDriver
    private let pipeline: Pipeline
    private let handlers: [String: any Sendable]
    private let router: RPCRouter
    /// Made with the first client.
    private let transport = Guarded<InProcessTransport?>(nil)

    /// Creates a driver that is not started yet.
    /// - Parameters:
    ///   - driver: The driver.
    ///   - role: Which services can be called.
    ///   - disabled: Abilities to take away.
    ///   - executor: Where handlers run; threads of its own when nil.
    ///   - logger: Receives one line per call.
    public init(
        _ driver: any CSIDriver, role: Role = .all, without disabled: Set<Ability> = [],
        executor: (any TaskExecutor)? = nil, logger: Logger = Logger(label: "csi") { _ in SwiftLogNoOpLogHandler() }
    ) {
        let executor = executor ?? BlockingExecutor(name: "csi-work", maximumThreads: 64)
        let pipeline = Pipeline(
            driverName: driver.info.name, logger: logger, readiness: Readiness(), executor: executor)
        var routes = RouteTable(pipeline: pipeline, role: role, without: disabled)
        let capabilities = CapabilityTable(of: driver, into: &routes)
        routes.addIdentity(driver, readiness: pipeline.readiness, capabilities: capabilities)
        self.driver = driver
        self.pipeline = pipeline
        self.handlers = routes.localHandlers
        self.router = routes.router
    }

    /// Checks and starts the driver; calls are UNAVAILABLE before.
    public func start() async throws(CSIError) {
        let driver = driver
        try await withTaskExecutorPreference(pipeline.executor) { () async throws(CSIError) in
            try await driver.preflight()
            try await driver.start()
        }
        pipeline.readiness.move(to: .ready)
    }

    /// Calls a method that takes one message and gives one.
    /// - Throws: What the driver answers; UNIMPLEMENTED for a method that it does not serve.
    public func call<Request: ProtoMessage, Reply: ProtoMessage>(
        _ method: RPCMethod<Request, Reply>, _ request: Request, metadata: Metadata = [:]
    ) async throws(RPCError) -> Reply {
        guard let handler = handlers[method.path] as? LocalHandler<Request, Reply> else {
            throw RPCError(code: .unimplemented, message: "\(method.path) is not served by this driver")
        }
        return try await handler.call(request, RPCContext(method: method.path, metadata: metadata))
    }

    /// Connects a client within this process; it works as long as this driver is kept.
    ///
    /// It is the client that is used on sockets, so one test body serves both.
    /// - Throws: UNAVAILABLE when the system gives no thread or descriptor, or too many clients are connected.
    public func connect() async throws(RPCError) -> RPCClient {
        let transport: InProcessTransport
        do throws(EndpointError) {
            transport = try self.transport.withLock { (held) throws(EndpointError) in
                if let held { return held }
                let made = try InProcessTransport(router: router)
                held = made
                return made
            }
        } catch {
            throw RPCError(code: .unavailable, message: "\(error)")
        }
        return try await transport.connect()
    }

    /// The methods that can be called, as paths.
    public var paths: Set<String> { Set(handlers.keys) }
}

/// A handler with its types, behind the path that finds it.
struct LocalHandler<Request: ProtoMessage, Reply: ProtoMessage>: Sendable {
    let call: @Sendable (Request, RPCContext) async throws(RPCError) -> Reply
}
