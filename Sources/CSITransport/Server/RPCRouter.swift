public import CSIProto

/// The methods that a server answers.
///
/// A value: build it, then hand it to `RPCServer`. A method that is added twice is answered by the later handler; one that
/// was never added is answered with UNIMPLEMENTED.
///
/// Handlers run on the server's I/O thread. One that may block hands its work to a `BlockingExecutor`.
public struct RPCRouter: Sendable {
    private(set) var routes: [Route] = []

    /// A router without methods.
    public init() {}

    /// The paths of all methods, in the order in which they were added.
    public var paths: [String] { routes.map(\.path) }

    /// Answers a method that takes one message and gives one.
    ///
    /// - Parameters:
    ///   - method: the method, as the generator made it.
    ///   - handler: makes the answer. It is cancelled when the caller resets the call, when the deadline passes and when
    ///     the server ends.
    public mutating func unary<Request: ProtoMessage, Response: ProtoMessage>(
        _ method: RPCMethod<Request, Response>,
        handler: nonisolated(nonsending) @escaping @Sendable (Request, RPCContext) async throws(RPCError) -> Response
    ) {
        add(method.path, Route.Shape()) { call in
            do throws(RPCError) {
                let request: Request = try call.takeRequest()
                let response = try await handler(request, call.context)
                call.finish(with: response.encodedFrame())
            } catch {
                call.finish(throwing: error)
            }
        }
    }

    /// Answers a method that takes one message and gives any number.
    ///
    /// - Parameters:
    ///   - method: The method, as the generator made it.
    ///   - handler: Sends the messages. The answer ends when it returns, or with the error that it throws.
    public mutating func serverStreaming<Request: ProtoMessage, Response: ProtoMessage>(
        _ method: RPCMethod<Request, Response>,
        handler:
            nonisolated(nonsending) @escaping @Sendable (Request, RPCContext, RPCWriter<Response>)
            async throws(RPCError) -> Void
    ) {
        add(method.path, Route.Shape(streamsResponses: true)) { call in
            do throws(RPCError) {
                let request: Request = try call.takeRequest()
                try await handler(request, call.context, RPCWriter(call))
                call.finish(throwing: nil)
            } catch {
                call.finish(throwing: error)
            }
        }
    }

    /// Answers a method that takes any number of messages and gives one.
    ///
    /// - Parameters:
    ///   - method: The method, as the generator made it.
    ///   - handler: Reads the messages and makes the answer. It need not read them all.
    public mutating func clientStreaming<Request: ProtoMessage, Response: ProtoMessage>(
        _ method: RPCMethod<Request, Response>,
        handler:
            nonisolated(nonsending) @escaping @Sendable (RPCReader<Request>, RPCContext) async throws(RPCError) ->
            Response
    ) {
        add(method.path, Route.Shape(streamsRequests: true)) { call in
            do throws(RPCError) {
                let response = try await handler(RPCReader(call), call.context)
                call.finish(with: response.encodedFrame())
            } catch {
                call.finish(throwing: error)
            }
        }
    }

    /// Answers a method that takes and gives any number of messages.
    ///
    /// - Parameters:
    ///   - method: The method, as the generator made it.
    ///   - handler: Reads and sends, in any order. The answer ends when it returns, or with the error that it throws.
    public mutating func bidirectional<Request: ProtoMessage, Response: ProtoMessage>(
        _ method: RPCMethod<Request, Response>,
        handler:
            @escaping @Sendable (RPCReader<Request>, RPCWriter<Response>, RPCContext) async throws(RPCError) -> Void
    ) {
        add(method.path, Route.Shape(streamsRequests: true, streamsResponses: true)) { call in
            do throws(RPCError) {
                try await handler(RPCReader(call), RPCWriter(call), call.context)
                call.finish(throwing: nil)
            } catch {
                call.finish(throwing: error)
            }
        }
    }

    mutating func add(
        _ path: String, _ shape: Route.Shape,
        _ run: nonisolated(nonsending) @escaping @Sendable (ServerCall) async -> Void
    ) {
        routes.removeAll { $0.path == path }
        routes.append(Route(path: path, shape: shape, run: run))
    }
}
