import Logging

/// What all connections of a server share.
///
/// Only the loop's thread touches it.
final class ServerCore {
    let loop: EventLoop
    let routes: RouteTable
    let configuration: RPCServerConfiguration
    let logger: Logger
    let tasks: HandlerTasks

    // The counters are touched on every call; nothing calls out while it writes one, so that no check is needed.

    /// Answers that wait, and those that are expected of running handlers, in bytes.
    @exclusivity(unchecked) var answerBytes = 0

    /// Storage for the requests of all connections.
    @exclusivity(unchecked) var spareBuffers = SpareBuffers()

    private var connections: [ObjectIdentifier: ServerConnection] = [:]
    private var graves: [ObjectIdentifier: ServerConnection] = [:]
    private var listener: Listener?
    @exclusivity(unchecked) private var requestBytes = 0
    private var largeAnswerBytes = 0
    private var trimTimer: LoopTimer?
    private var isShedding = false
    @exclusivity(unchecked) private var runningCalls = 0
    private var phase = Phase.serving
    private let shutdownTimer: ShutdownTimer

    /// serving -> draining -> cancelling -> ended; each step at most once, any may be skipped.
    private enum Phase: Int {
        case serving
        case draining
        case cancelling
        case ended
    }

    /// Holds the timer of the shutdown's next step.
    private final class ShutdownTimer {
        var timer: LoopTimer?
    }

    /// A core that serves `routes`.
    init(loop: EventLoop, routes: RouteTable, configuration: RPCServerConfiguration, logger: Logger) {
        self.loop = loop
        self.routes = routes
        self.configuration = configuration
        self.logger = logger
        tasks = HandlerTasks(loop: loop)
        shutdownTimer = ShutdownTimer()
    }

    // MARK: Connections

    /// Accepts on `socket` from now on.
    func listen(on socket: BoundSocket) {
        // A shutdown may have been asked for before this thread took its first turn; nobody else closes the socket then.
        guard phase == .serving else { return socket.close() }
        let listener = Listener(socket, core: self)
        self.listener = listener
        listener.start()
    }

    /// How many connections there are.
    var connectionCount: Int { connections.count }

    /// Serves a new connection over `wire`; nil, closing the wire, when there is no room.
    @discardableResult
    func serve(_ wire: any Wire) -> ServerConnection? {
        guard phase == .serving else {
            wire.close()
            return nil
        }
        if connections.count >= configuration.limits.connections { evict() }
        guard connections.count < configuration.limits.connections, let connection = ServerConnection(self, wire: wire)
        else {
            logger.warning(
                "refused a connection: the limit is reached", metadata: ["connections": "\(connections.count)"])
            wire.close()
            return nil
        }
        connections[ObjectIdentifier(connection)] = connection
        return connection
    }

    /// Closes the connection that has been idle longest without ever having finished a call.
    private func evict() {
        let idle = connections.values.filter(\.isEvictable).min { $0.idleSince < $1.idleSince }
        idle?.close()
    }

    func connectionClosed(_ connection: ServerConnection) {
        connections[ObjectIdentifier(connection)] = nil
        // Its handlers may still run: it is kept to count them.
        if !connection.orphans.isEmpty { graves[ObjectIdentifier(connection)] = connection }
        if connections.isEmpty { CMemory.release() }
        listener?.rearm()
        checkEnd()
    }

    func orphanEnded(on connection: ServerConnection) {
        if connection.orphans.isEmpty { graves[ObjectIdentifier(connection)] = nil }
        if !connection.isClosed { connection.setNeedsFlush() }
    }

    // MARK: Calls

    /// Memory of large answers is given back a second later: the allocator alone would keep it.
    func largeAnswer(of bytes: Int) {
        largeAnswerBytes += bytes
        guard largeAnswerBytes > 4 * 1024 * 1024, trimTimer?.isArmed != true else { return }
        let timer = LoopTimer { [unowned self] in
            largeAnswerBytes = 0
            CMemory.release()
        }
        trimTimer = timer
        loop.arm(timer, after: 1_000_000_000)
    }

    /// Whether one more call may begin on `connection`.
    func mayBegin(on connection: ServerConnection) -> Bool {
        guard phase == .serving || phase == .draining else { return false }
        return runningCalls < configuration.limits.calls
            || connection.activeCalls <= configuration.limits.guaranteedCallsPerConnection
    }

    func callBegan() {
        runningCalls += 1
    }

    func callEnded() {
        runningCalls -= 1
        checkEnd()
    }

    /// A call was refused before its handler ran.
    func rejected(_ stream: ServerStream, _ error: RPCError) {
        configuration.onRejected?(stream.head.route?.path ?? stream.head.unknownPath, error)
    }

    /// Books a change of the request bytes held, and sees to it that they come down when there are too many.
    func requestBytesChanged(by change: Int) {
        requestBytes += change
        guard requestBytes > configuration.limits.requestBytes, !isShedding else { return }
        isShedding = true
        loop.later { [self] in
            isShedding = false
            shed()
        }
    }

    private func shed() {
        while requestBytes > configuration.limits.requestBytes {
            let largest = connections.values.max { $0.requestBytes < $1.requestBytes }
            guard let largest, largest.dropLargestRequest() else { return }
        }
    }

    // MARK: Shutdown

    /// Stops accepting, lets running calls end, then cancels them, then gives them up.
    func beginGracefulShutdown() {
        guard phase == .serving else { return }
        phase = .draining
        listener?.close()
        listener = nil
        for connection in connections.values { connection.drain() }
        step(after: configuration.drainTimeout) { $0.cancelRunningCalls() }
        checkEnd()
    }

    /// Cancels running calls at once, then gives them up.
    func cancelRunningCalls() {
        guard phase.rawValue < Phase.cancelling.rawValue else { return }
        listener?.close()
        listener = nil
        phase = .cancelling
        for connection in connections.values {
            connection.drain()
            connection.cancelAll()
        }
        step(after: configuration.cancellationTimeout) { $0.end() }
        checkEnd()
    }

    private func step(after delay: Duration, _ action: @escaping (ServerCore) -> Void) {
        if let timer = shutdownTimer.timer { loop.disarm(timer) }
        let timer = LoopTimer { [unowned self] in action(self) }
        shutdownTimer.timer = timer
        loop.arm(timer, after: delay.boundedNanoseconds)
    }

    private func checkEnd() {
        guard phase == .draining || phase == .cancelling, connections.isEmpty, graves.isEmpty else { return }
        end()
    }

    private func end() {
        guard phase != .ended else { return }
        phase = .ended
        if let timer = shutdownTimer.timer { loop.disarm(timer) }
        report()
        for connection in connections.values { connection.close() }
        connections = [:]
        graves = [:]
        tasks.close()
        loop.stop()
    }

    /// Tells of the calls that are given up.
    private func report() {
        let now = loop.now
        let abandoned = (Array(connections.values) + Array(graves.values)).flatMap { connection in
            connection.runningCalls(at: now)
        }
        guard !abandoned.isEmpty else { return }
        for call in abandoned {
            logger.warning(
                "gave up a call at the end of the shutdown",
                metadata: ["method": "\(call.method)", "age": "\(call.age)"])
        }
        configuration.onAbandoned?(abandoned)
    }
}
