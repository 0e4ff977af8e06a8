import CSILock
public import Logging

/// A server and its clients in one process, without a socket: for tests, and for drivers that are their own clients.
///
/// Calls go through everything that they go through on a socket: HTTP/2 frames, flow control, limits, deadlines and
/// handlers on an I/O thread. Only the kernel is left out.
///
/// ```swift
/// let transport = try InProcessTransport(router: router)
/// let client = try await transport.connect()
/// let answer = try await client.unary(CSIv1.Identity.probe, CSIv1.ProbeRequest())
/// await transport.shutDown()
/// ```
public final class InProcessTransport: Sendable {
    private let core: LoopBound<ServerCore>
    private let ended = Waiter()

    /// A transport that serves at once, on an I/O thread of its own.
    ///
    /// - Throws: `EndpointError.system` when the kernel gives no descriptor or no thread.
    public init(
        router: RPCRouter, configuration: RPCServerConfiguration = RPCServerConfiguration(),
        logger: Logger = .silent
    ) throws(EndpointError) {
        let loop = try EventLoop()
        let core = ServerCore(
            loop: loop, routes: RouteTable(router.routes), configuration: configuration, logger: logger)
        self.core = LoopBound(core, on: loop)
        let ended = ended
        let result = DetachedThread.start(name: "csi-in-process") {
            loop.run()
            ended.resume()
        }
        if result != 0 { throw .system(operation: "pthread_create", path: "", errno: result) }
    }

    deinit {
        core.tell { $0.cancelRunningCalls() }
    }

    /// Connects one more client.
    ///
    /// - Parameter messageLimit: The largest answer that the client accepts, in bytes.
    /// - Throws: UNAVAILABLE when the connections are at their limit or the transport is shut down.
    public func connect(messageLimit: Int = 4 * 1024 * 1024) async throws(RPCError) -> RPCClient {
        let core = core
        return try await RPCClient.start(on: core.loop, ownsLoop: false, timeout: .seconds(5), "(in process)") { loop in
            let (near, far) = MemoryWire.pair(on: loop)
            guard let connection = ClientConnection(wire: near, loop: loop, messageLimit: messageLimit) else {
                return nil
            }
            near.attach(connection)
            if let served = core.value.serve(far) { far.attach(served) } else { connection.close() }
            return connection
        }
    }

    /// Shuts down as a server does: running calls end within the drain timeout, or are cancelled.
    public func shutDown() async {
        core.tell { $0.beginGracefulShutdown() }
        await ended.wait { _ in }
    }
}
