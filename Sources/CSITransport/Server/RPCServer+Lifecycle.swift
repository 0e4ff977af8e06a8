public import Logging
public import ServiceLifecycle

/// A server is a service: a graceful shutdown of its group drains it, a cancellation ends it.
extension RPCServer: Service {}

/// Serves while `body` runs, then shuts down gracefully.
///
/// - Parameters:
///   - endpoint: Where to listen.
///   - router: The methods.
///   - configuration: Limits and times.
///   - logger: Told of refused connections and of calls that a shutdown gave up.
///   - body: Gets the server, which is bound: a client may connect at once.
/// - Returns: What `body` returns.
/// - Throws: `EndpointError` before anything has started, or what `body` throws.
public func withRPCServer<Result: Sendable>(
    endpoint: Endpoint, router: RPCRouter, configuration: RPCServerConfiguration = RPCServerConfiguration(),
    logger: Logger = .silent, _ body: (RPCServer) async throws -> Result
) async throws -> Result {
    let server = RPCServer(endpoint: endpoint, router: router, configuration: configuration, logger: logger)
    try server.bind()
    async let running: Void = server.run()
    let result: Result
    do {
        result = try await body(server)
    } catch {
        server.beginGracefulShutdown()
        try await running
        throw error
    }
    server.beginGracefulShutdown()
    try await running
    return result
}
