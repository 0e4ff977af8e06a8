import CSILock
public import Logging

/// A small HTTP/1.1 server for texts that operators and their tools fetch: health, readiness, metrics.
///
/// It answers GET and HEAD, one request on a connection, on a thread of its own, within ``HTTPLimits``; bodies of requests
/// are not read. A general server would bring more code than a driver has.
///
/// ```swift
/// let server = try HTTPTextServer(address: .init(parsing: "127.0.0.1:9808")) { path in
///     path == "/healthz" ? HTTPAnswer(line: "ok") : nil
/// }
/// try await server.run()
/// ```
public final class HTTPTextServer: Sendable {
    /// Answers a path, without its query; nil is 404.
    ///
    /// It runs on the server's thread and must not block it; it may suspend.
    public typealias Handler = @Sendable (_ path: String) async -> HTTPAnswer?

    private enum State {
        case bound(HTTPListeningSocket)
        case running(EventLoop, LoopBound<HTTPServerCore>)
        case ended
    }

    /// Where it listens, with the port that the kernel chose.
    public let address: HTTPAddress

    private let limits: HTTPLimits
    private let logger: Logger
    private let handler: Handler
    private let state: Guarded<State>

    /// Binds and listens; connections wait in the backlog until ``run()``.
    ///
    /// - Parameters:
    ///   - address: Where to listen.
    ///   - ownership: Mode and owner of a Unix socket.
    ///   - limits: What one peer may take.
    ///   - logger: Told when no connection can be accepted.
    ///   - handler: Answers the paths.
    /// - Throws: `EndpointError` that tells what is in the way.
    public init(
        address: HTTPAddress, ownership: SocketOwnership = SocketOwnership(), limits: HTTPLimits = HTTPLimits(),
        logger: Logger = .silent, handler: @escaping Handler
    ) throws(EndpointError) {
        let socket = try HTTPListeningSocket(at: address, ownership: ownership)
        if case .tcp(let host, 0) = address, let port = TCPAddress.port(of: socket.descriptor) {
            self.address = .tcp(host: host, port: port)
        } else {
            self.address = address
        }
        self.limits = limits
        self.logger = logger
        self.handler = handler
        state = Guarded(.bound(socket))
    }

    deinit {
        state.withLock { state in
            if case .bound(let socket) = state { socket.close() }
        }
    }

    /// Serves until ``shutDown()`` or until the task is cancelled.
    ///
    /// - Throws: `EndpointError` when there is no descriptor or thread left for it.
    public func run() async throws(EndpointError) {
        guard let (loop, core, socket) = try prepare() else { return }
        let result: Int32 = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let result = DetachedThread.start(name: "csi-http") {
                    loop.submit { core.value.listen(on: socket) }
                    loop.run()
                    continuation.resume(returning: 0)
                }
                if result != 0 {
                    socket.close()
                    continuation.resume(returning: result)
                }
            }
        } onCancel: {
            shutDown()
        }
        state.withLock { $0 = .ended }
        if result != 0 { throw .system(operation: "pthread_create", path: "", errno: result) }
    }

    /// Closes every connection and ends ``run()``; may be called from any thread, any number of times.
    public func shutDown() {
        let running = state.withLock { state -> LoopBound<HTTPServerCore>? in
            switch state {
            case .running(_, let core): return core
            case .bound(let socket):
                socket.close()
                state = .ended
            case .ended: break
            }
            return nil
        }
        running?.tell { $0.shutDown() }
    }

    private func prepare() throws(EndpointError) -> (EventLoop, LoopBound<HTTPServerCore>, HTTPListeningSocket)? {
        let loop = try EventLoop()
        let core = HTTPServerCore(loop: loop, limits: limits, logger: logger, handler: handler)
        let bound = LoopBound(core, on: loop)
        return try state.withLock { (state) throws(EndpointError) in
            switch state {
            case .bound(let socket):
                state = .running(loop, bound)
                return (loop, bound, socket)
            case .running: throw .alreadyUsed
            case .ended: return nil
            }
        }
    }
}
