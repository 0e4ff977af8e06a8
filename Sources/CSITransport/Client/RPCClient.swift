import CSILock
public import CSIProto
import Glibc

/// A gRPC client over one connection to a Unix socket.
///
/// Calls may be made from any task, any number at once. A lost connection is not made again: calls on it fail with
/// UNAVAILABLE, and a new client is to be connected.
public final class RPCClient: Sendable {
    private let loop: EventLoop
    let connection: LoopBound<ClientConnection>
    private let ownsLoop: Bool

    init(connection: LoopBound<ClientConnection>, ownsLoop: Bool) {
        self.connection = connection
        self.ownsLoop = ownsLoop
        loop = connection.loop
    }

    deinit {
        close()
    }

    /// Connects to `endpoint`, trying again while nobody listens there, and waits until the server speaks HTTP/2.
    ///
    /// - Parameters:
    ///   - endpoint: the server's socket.
    ///   - timeout: how long to try; zero tries once and waits a second for the answer.
    ///   - messageLimit: the largest answer that is accepted, in bytes.
    /// - Throws: UNAVAILABLE with the reason, or CANCELLED.
    public static func connect(
        to endpoint: Endpoint, timeout: Duration = .seconds(5), messageLimit: Int = 4 * 1024 * 1024
    ) async throws(RPCError) -> RPCClient {
        let until = ContinuousClock.now + timeout
        let descriptor = try await openSocket(endpoint, until: until)
        let loop: EventLoop
        do throws(EndpointError) {
            loop = try EventLoop()
        } catch {
            Syscall.close(descriptor)
            throw RPCError(code: .unavailable, message: "\(error)")
        }
        guard DetachedThread.start(name: "csi-client", { loop.run() }) == 0 else {
            Syscall.close(descriptor)
            throw RPCError(code: .unavailable, message: "no thread for the connection")
        }
        let left = max(.seconds(1), until - .now)
        return try await start(on: loop, ownsLoop: true, timeout: left, endpoint.path) {
            loop in
            let wire = SocketWire(descriptor, loop: loop, bytesPerTurn: 1024 * 1024, peer: nil)
            guard let connection = ClientConnection(wire: wire, loop: loop, messageLimit: messageLimit) else {
                wire.close()
                return nil
            }
            if wire.attach(connection) < 0 { connection.close() }
            return connection
        }
    }

    private static func openSocket(_ endpoint: Endpoint, until: ContinuousClock.Instant) async throws(RPCError) -> Int32
    {
        while true {
            let made = SocketAddress.makeSocket()
            guard made >= 0 else { throw unavailable(endpoint, made) }
            let descriptor = Int32(truncatingIfNeeded: made)
            let connected = SocketAddress(endpoint).call { Glibc.connect(descriptor, $0, $1) }
            if connected >= 0 { return descriptor }
            Syscall.close(descriptor)
            // Not there yet, not listening yet, or its backlog is full.
            guard [-Int(ENOENT), -Int(ECONNREFUSED), -Int(EAGAIN)].contains(connected), ContinuousClock.now < until
            else {
                throw unavailable(endpoint, connected)
            }
            do { try await Task.sleep(for: .milliseconds(20)) } catch {
                throw RPCError(code: .cancelled, message: "cancelled while connecting")
            }
        }
    }

    private static func unavailable(_ endpoint: Endpoint, _ result: Int) -> RPCError {
        let reason = Syscall.message(for: Int32(truncatingIfNeeded: -result))
        return RPCError(code: .unavailable, message: "cannot connect to \(endpoint.path): \(reason)")
    }

    /// Has `make` build the connection on the loop, and waits for the server's settings.
    static func start(
        on loop: EventLoop, ownsLoop: Bool, timeout: Duration, _ name: String,
        _ make: @escaping @Sendable (EventLoop) -> ClientConnection?
    ) async throws(RPCError) -> RPCClient {
        let result = await withCheckedContinuation {
            (continuation: CheckedContinuation<Result<LoopBound<ClientConnection>, RPCError>, Never>) in
            loop.submit {
                guard let connection = make(loop) else {
                    continuation.resume(returning: .failure(RPCError(code: .unavailable, message: "out of memory")))
                    return
                }
                let bound = LoopBound(connection, on: loop)
                let timer = LoopTimer { connection.close() }
                connection.onReady = { error in
                    loop.disarm(timer)
                    let message = "the server at \(name) does not speak HTTP/2, or not in time"
                    continuation.resume(
                        returning: error == nil
                            ? .success(bound) : .failure(RPCError(code: .unavailable, message: message)))
                }
                loop.arm(timer, after: timeout.boundedNanoseconds)
            }
        }
        switch result {
        case .success(let connection): return RPCClient(connection: connection, ownsLoop: ownsLoop)
        case .failure(let error):
            if ownsLoop { loop.submit { loop.stop() } }
            throw error
        }
    }

    /// Calls a method that takes one message and gives one.
    ///
    /// When the task is cancelled, the server is told, and so its handler.
    ///
    /// - Parameters:
    ///   - method: the method, as the generator made it.
    ///   - request: the message.
    ///   - metadata: custom header fields.
    ///   - timeout: how long to wait; it travels to the server as its deadline.
    /// - Returns: the answer's message.
    /// - Throws: the status of the server, or what went wrong on the way: UNAVAILABLE, CANCELLED, DEADLINE_EXCEEDED.
    public func unary<Request: ProtoMessage, Response: ProtoMessage>(
        _ method: RPCMethod<Request, Response>, _ request: Request, metadata: Metadata = [:],
        timeout: Duration? = nil
    ) async throws(RPCError) -> Response {
        let body = request.encodedFrame()
        let ended = await unaryBytes(
            ClientConnection.Request(path: method.path, metadata: metadata, timeout: timeout), body)
        if let error = ended.error { throw error }
        guard let message = ended.message else {
            throw RPCError(code: .internalError, message: "the answer has no message")
        }
        return try RPCClient.decode(message)
    }

    static func decode<Response: ProtoMessage>(_ message: [UInt8]) throws(RPCError) -> Response {
        do throws(WireError) {
            return try Response(decoding: message)
        } catch {
            throw RPCError(code: .internalError, message: "the answer is not a \(Response.protoName): \(error)")
        }
    }

    /// One call of raw bytes.
    func unaryBytes(_ request: ClientConnection.Request, _ body: EncodedMessage) async -> ClientStream.Ended {
        let handle = CallHandle(loop: loop)
        return await withTaskCancellationHandler {
            await withCheckedContinuation { (continuation: CheckedContinuation<ClientStream.Ended, Never>) in
                let submitted = loop.trySubmit { [connection] in
                    let stream = connection.value.begin(request) { continuation.resume(returning: $0) }
                    stream?.sendWhole(body)
                    handle.attach(stream)
                }
                if !submitted { continuation.resume(returning: RPCClient.closed) }
            }
        } onCancel: {
            handle.cancel()
        }
    }

    private static let closed = ClientStream.Ended(
        error: RPCError(code: .unavailable, message: "the client is closed"))

    /// Closes the connection; calls that run fail with UNAVAILABLE.
    public func close() {
        loop.submit { [connection, ownsLoop, loop] in
            connection.value.close()
            if ownsLoop { loop.stop() }
        }
    }
}
