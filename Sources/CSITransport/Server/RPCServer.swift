import CSILock
public import Logging
import ServiceLifecycle

/// A gRPC server on a Unix socket.
///
/// One thread serves all connections and runs the handlers; see `RPCRouter`. A server is used once: bind, run, end.
///
/// ```swift
/// var router = RPCRouter()
/// router.unary(CSIv1.Identity.probe) { (request, context) async throws(RPCError) in CSIv1.ProbeResponse() }
/// let server = RPCServer(endpoint: try Endpoint(parsing: "unix:///run/csi.sock"), router: router)
/// try server.bind()
/// try await server.run()
/// ```
public final class RPCServer: Sendable {
    /// created -> bound -> running -> ended; a shutdown before `run()` goes straight to ended.
    private enum State {
        case created
        case bound(BoundSocket)
        case running(EventLoop, LoopBound<ServerCore>)
        case ended
    }

    /// Where it listens.
    public let endpoint: Endpoint

    private let router: RPCRouter
    private let configuration: RPCServerConfiguration
    private let logger: Logger
    private let state = Guarded(State.created)

    /// A server that `bind()` and `run()` bring to life.
    public init(
        endpoint: Endpoint, router: RPCRouter, configuration: RPCServerConfiguration = RPCServerConfiguration(),
        logger: Logger = .silent
    ) {
        self.endpoint = endpoint
        self.router = router
        self.configuration = configuration
        self.logger = logger
    }

    deinit {
        state.withLock { state in
            if case .bound(let socket) = state { socket.close() }
        }
    }

    /// Binds the socket and listens, replacing a stale socket; a live one is never taken.
    ///
    /// Connections wait in the backlog until the server runs.
    ///
    /// - Throws: `EndpointError` that tells what is in the way.
    public func bind() throws(EndpointError) {
        try state.withLock { (state) throws(EndpointError) in
            guard case .created = state else { throw .alreadyUsed }
            state = .bound(
                try BoundSocket(at: endpoint, ownership: configuration.socket, backlog: configuration.backlog))
        }
    }

    /// Serves on a thread of its own until a shutdown has ended, binding first if that was not done.
    ///
    /// A graceful shutdown of the service group that runs it is `beginGracefulShutdown()`. When the task is cancelled, so are the running calls, and the server ends after the cancellation timeout at most.
    ///
    /// - Throws: `EndpointError` when binding fails.
    public func run() async throws {
        guard let prepared = try prepare() else { return }
        let failure = await withGracefulShutdownHandler {
            await withTaskCancellationHandler {
                await prepared.runOnThread()
            } onCancel: {
                cancel()
            }
        } onGracefulShutdown: {
            self.beginGracefulShutdown()
        }
        state.withLock { $0 = .ended }
        if failure != 0 { throw EndpointError.system(operation: "pthread_create", path: "", errno: failure) }
    }

    /// Serves on the calling thread until a shutdown has ended, binding first if that was not done.
    ///
    /// A program that has nothing else to do needs no other thread then.
    ///
    /// - Throws: `EndpointError` when binding fails.
    public func runOnCallingThread() throws(EndpointError) {
        guard let prepared = try prepare() else { return }
        prepared.run()
        state.withLock { $0 = .ended }
    }

    /// Stops accepting, lets running calls end within the drain timeout, then cancels them; `run()` then answers.
    ///
    /// May be called from any thread, any number of times, and before `run()`, which then answers at once.
    public func beginGracefulShutdown() {
        end { $0.beginGracefulShutdown() }
    }

    /// Cancels the running calls at once; `run()` answers after the cancellation timeout at most.
    public func cancel() {
        end { $0.cancelRunningCalls() }
    }

    private func end(_ action: @escaping @Sendable (ServerCore) -> Void) {
        let running = state.withLock { state -> (EventLoop, LoopBound<ServerCore>)? in
            switch state {
            case .running(let loop, let core): return (loop, core)
            case .bound(let socket):
                socket.close()
                state = .ended
            case .created: state = .ended
            case .ended: break
            }
            return nil
        }
        guard let (loop, core) = running else { return }
        loop.submit { action(core.value) }
    }

    /// What a thread needs to serve.
    private struct Prepared: Sendable {
        let loop: EventLoop
        let core: LoopBound<ServerCore>
        let socket: BoundSocket

        func run() {
            loop.submit { core.value.listen(on: socket) }
            loop.run()
        }

        /// Runs on a thread of its own; answers 0, or the error number when there is none.
        func runOnThread() async -> Int32 {
            await withCheckedContinuation { continuation in
                let result = DetachedThread.start(name: "csi-io") {
                    run()
                    continuation.resume(returning: 0)
                }
                if result != 0 {
                    socket.close()
                    continuation.resume(returning: result)
                }
            }
        }
    }

    /// Brings the state to running; nil when a shutdown came first.
    private func prepare() throws(EndpointError) -> Prepared? {
        let isCreated = state.withLock { if case .created = $0 { true } else { false } }
        if isCreated { try bind() }
        return try state.withLock { (state) throws(EndpointError) -> Prepared? in
            switch state {
            case .bound(let socket):
                let loop = try EventLoop()
                let core = ServerCore(
                    loop: loop, routes: RouteTable(router.routes), configuration: configuration, logger: logger)
                let bound = LoopBound(core, on: loop)
                state = .running(loop, bound)
                return Prepared(loop: loop, core: bound, socket: socket)
            case .ended: return nil
            case .created, .running: throw .alreadyUsed
            }
        }
    }
}
