import CSIProto
public import CSITransport
public import Logging
public import ServiceLifecycle

/// Serves one driver on one socket.
///
/// ```swift
/// let server = CSIServer(driver, role: .node, configuration: .init(endpoint: endpoint), logger: logger)
/// try await server.run()           // until SIGTERM, when run in a ServiceGroup
/// ```
///
/// The socket answers at once; `Probe` says not ready, and every call of the driver is UNAVAILABLE, until the driver's
/// ``CSIDriver/start()`` has ended.
public final class CSIServer: Service {
    /// How a server is set up.
    public struct Configuration: Sendable {
        /// The socket.
        public var endpoint: Endpoint

        /// Abilities that shall be neither advertised nor routed although the driver has them.
        public var disabledAbilities: Set<Ability>

        /// Standard gRPC services that are served beside those of CSI.
        public var stockServices: Set<StockService>

        /// How many handlers may block at the same time; each takes a thread while it runs.
        public var maximumBlockingThreads: Int

        /// What must be so before the driver starts; nil for nothing.
        ///
        /// While something is missing the socket answers and `Probe` says not ready.
        public var startCondition: (any StartCondition)?

        /// How often it is looked again while something is missing.
        public var startInterval = Duration.seconds(5)

        /// Sockets, limits and times of the transport.
        public var transport: RPCServerConfiguration

        /// Creates a configuration.
        /// - Parameters:
        ///   - endpoint: The socket.
        ///   - disabledAbilities: Abilities to take away.
        ///   - stockServices: Standard gRPC services to serve, too.
        ///   - maximumBlockingThreads: How many handlers may block at the same time.
        ///   - startCondition: What must be so before the driver starts.
        ///   - transport: Settings of the transport.
        public init(
            endpoint: Endpoint, disabledAbilities: Set<Ability> = [],
            stockServices: Set<StockService> = Set(StockService.allCases), maximumBlockingThreads: Int = 64,
            startCondition: (any StartCondition)? = nil, transport: RPCServerConfiguration = RPCServerConfiguration()
        ) {
            self.endpoint = endpoint
            self.disabledAbilities = disabledAbilities
            self.stockServices = stockServices
            self.maximumBlockingThreads = maximumBlockingThreads
            self.startCondition = startCondition
            self.transport = transport
        }
    }

    private let driver: any CSIDriver
    private let role: Role
    let logger: Logger
    private let executor: BlockingExecutor
    let pipeline: Pipeline
    private let server: RPCServer
    private let health = HealthService()
    private let endpoint: Endpoint
    private let startCondition: (any StartCondition)?
    private let startInterval: Duration
    let metrics: ServerMetrics?
    let figures: DriverFigures?

    /// How often a driver's own figures are taken: as often as metrics are usually asked for.
    private static let figuresInterval = Duration.seconds(15)

    /// Creates a server; nothing is bound before ``run()``.
    /// - Parameters:
    ///   - driver: The driver.
    ///   - role: Which services this process offers.
    ///   - configuration: The socket and the settings.
    ///   - logger: Receives one line per call.
    public init(_ driver: any CSIDriver, role: Role, configuration: Configuration, logger: Logger) {
        var logger = logger
        logger[metadataKey: "driver"] = "\(driver.info.name)"
        let executor = BlockingExecutor(name: "csi-work", maximumThreads: configuration.maximumBlockingThreads)
        let pipeline = Pipeline(
            driverName: driver.info.name, logger: logger, readiness: Readiness(), executor: executor)
        var routes = RouteTable(pipeline: pipeline, role: role, without: configuration.disabledAbilities)
        let capabilities = CapabilityTable(of: driver, into: &routes)
        routes.addIdentity(driver, readiness: pipeline.readiness, capabilities: capabilities)

        var router = routes.router
        health.set(.notServing)
        if configuration.stockServices.contains(.health) { health.add(to: &router) }
        if configuration.stockServices.contains(.reflection) {
            ReflectionService(files: CSIv1.files + GRPCHealthV1.files).add(to: &router)
        }
        var transport = configuration.transport
        transport.onRejected = { path, error in pipeline.records.reject(path: path, error: error) }
        self.driver = driver
        self.role = role
        self.logger = logger
        self.executor = executor
        self.pipeline = pipeline
        self.endpoint = configuration.endpoint
        self.startCondition = configuration.startCondition
        self.startInterval = configuration.startInterval
        self.metrics = ServerMetrics(driver.info, role)
        self.figures = DriverFigures(of: driver, logger: logger)
        self.server = RPCServer(
            endpoint: configuration.endpoint, router: router, configuration: transport, logger: logger)
    }

    /// Checks the machine and the driver, binds the socket, starts the driver and serves until a graceful shutdown has
    /// drained.
    ///
    /// Where the machine still misses something, the driver is checked after the socket is bound, once it is there.
    /// What still runs when the drain's time is over is logged with its keys and age; it keeps running until the process
    /// ends.
    /// - Throws: ``CSIError`` when the driver's preflight or start fails; `EndpointError` when the socket cannot be bound,
    ///   before anything has started.
    public func run() async throws {
        let missing = try await withTaskExecutorPreference(executor) { () async throws(CSIError) in
            let missing = try await self.startCondition?.missing() ?? []
            if missing.isEmpty { try await self.driver.preflight() }
            return missing
        }
        if !missing.isEmpty { pipeline.readiness.move(to: .waiting(missing)) }
        try server.bind()
        logger.notice("serving", metadata: ["endpoint": "\(endpoint)", "role": "\(role.rawValue)"])
        let start = Task(executorPreference: executor) { await self.startDriver() }
        try await server.run()
        if !pipeline.running.isEmpty { dumpRunningOperations("still running at shutdown", level: .warning) }
        start.cancel()
        if case .failed(let error) = pipeline.readiness.state { throw error }
        logger.notice("stopped", metadata: ["endpoint": "\(endpoint)"])
    }

    /// Ends ``run()`` after the running calls, within the drain's time.
    public func beginGracefulShutdown() {
        health.set(.notServing)
        server.beginGracefulShutdown()
    }

    /// The driver's name and version.
    public var driverInfo: PluginInfo { driver.info }

    /// Whether the driver has started, which is what `Probe` answers when the driver is healthy.
    public var isReady: Bool { pipeline.readiness.state == .ready }

    /// Waits until the driver has started; false when it failed to, or when the task was cancelled.
    public func waitUntilReady() async -> Bool {
        while true {
            switch pipeline.readiness.state {
            case .ready: return true
            case .failed: return false
            case .starting, .waiting: break
            }
            do { try await Task.sleep(for: .milliseconds(20)) } catch { return false }
        }
    }

    /// Waits for what the machine misses, and checks the driver then; false when the server stopped meanwhile.
    private func waitForMachine() async throws(CSIError) -> Bool {
        guard case .waiting = pipeline.readiness.state else { return true }
        while true {
            do { try await Task.sleep(for: startInterval) } catch { return false }
            let missing = try await startCondition?.missing() ?? []
            guard missing.isEmpty else {
                pipeline.readiness.move(to: .waiting(missing))
                continue
            }
            try await driver.preflight()
            pipeline.readiness.move(to: .starting)
            return true
        }
    }

    private func startDriver() async {
        let startedAt = ContinuousClock.now
        do throws(CSIError) {
            guard try await waitForMachine() else { return }
            try await driver.start()
            pipeline.readiness.move(to: .ready)
            health.set(.serving)
            logger.notice("ready", metadata: ["start_ms": "\((ContinuousClock.now - startedAt).inMilliseconds)"])
            await figures?.run(every: Self.figuresInterval)
        } catch {
            logger.critical("the driver could not start", metadata: ["error": "\(error.message)"])
            pipeline.readiness.move(to: .failed(error))
            server.beginGracefulShutdown()
        }
    }
}
