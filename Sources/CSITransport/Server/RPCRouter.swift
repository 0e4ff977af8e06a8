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
        handler: @escaping @Sendable (Request, RPCContext) async throws(RPCError) -> Response
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

    mutating func add(_ path: String, _ shape: Route.Shape, _ run: @escaping @Sendable (ServerCall) async -> Void) {
        routes.removeAll { $0.path == path }
        routes.append(Route(path: path, shape: shape, run: run))
    }
}
