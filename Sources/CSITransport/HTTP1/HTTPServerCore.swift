import CLinux
import Glibc
import Logging

/// The connections of an ``HTTPTextServer``; only its loop's thread touches them.
final class HTTPServerCore {
    let loop: EventLoop
    let limits: HTTPLimits
    private let handler: HTTPTextServer.Handler
    private let logger: Logger
    private var listener: HTTPListener?
    /// In the order in which they came.
    private var connections: [HTTPConnection] = []
    private var isShutDown = false

    init(loop: EventLoop, limits: HTTPLimits, logger: Logger, handler: @escaping HTTPTextServer.Handler) {
        self.loop = loop
        self.limits = limits
        self.logger = logger
        self.handler = handler
    }

    func listen(on socket: HTTPListeningSocket) {
        // A shutdown may have come before the thread was there.
        guard !isShutDown else { return socket.close() }
        let listener = HTTPListener(socket, core: self)
        self.listener = listener
        if loop.watch(listener, for: EPOLLIN.rawValue) < 0 { shutDown() }
    }

    func accept(_ descriptor: Int32) {
        // A peer that holds connections open only takes them from others like it: probes come and go.
        if connections.count >= limits.connections { connections.first?.close() }
        let connection = HTTPConnection(descriptor, core: self)
        connections.append(connection)
        if !connection.start() { connection.close() }
    }

    func closed(_ connection: HTTPConnection) {
        connections.removeAll { $0 === connection }
        listener?.rearm()
    }

    func answer(_ path: String, isHead: Bool, on connection: HTTPConnection) {
        let bound = LoopBound(WeakConnection(connection), on: loop)
        let handler = self.handler
        Task(executorPreference: loop) {
            let answer = await handler(path) ?? HTTPAnswer(status: 404, line: "there is nothing at this path")
            bound.tell { $0.connection?.answer(answer, isHead: isHead) }
        }
    }

    func cannotAccept(_ number: Int32) {
        logger.error("cannot accept HTTP connections for now", metadata: ["error": "\(Syscall.message(for: number))"])
    }

    func shutDown() {
        isShutDown = true
        listener?.close()
        listener = nil
        for connection in connections { connection.close() }
        loop.stop()
    }
}

/// A connection that may be gone by the time that its answer is there.
private struct WeakConnection {
    weak var connection: HTTPConnection?

    init(_ connection: HTTPConnection) {
        self.connection = connection
    }
}
