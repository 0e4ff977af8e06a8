import CSILock
public import CSIProto

/// The standard health service, `grpc.health.v1.Health`: what stock tools ask whether a server is ready.
///
/// The empty name stands for the whole server and is `serving` from the start.
public final class HealthService: Sendable {
    /// What is known of a service.
    public typealias Status = GRPCHealthV1.HealthCheckResponse.ServingStatus

    private struct State {
        var statuses: [String: Status] = ["": .serving]
        var watchers: [Waiter] = []
    }

    private let state = Guarded(State())

    /// A service that says `serving` for the whole server.
    public init() {}

    /// Sets the status of a service; the empty name is the whole server.
    public func set(_ status: Status, for service: String = "") {
        let waiting = state.withLock { state in
            state.statuses[service] = status
            defer { state.watchers = [] }
            return state.watchers
        }
        for waiter in waiting { waiter.resume() }
    }

    /// Adds the service's methods to a router.
    public func add(to router: inout RPCRouter) {
        router.immediate(GRPCHealthV1.Health.check) { [self] (request, _) throws(RPCError) in
            guard let status = status(of: request.service) else {
                throw RPCError(code: .notFound, message: "unknown service")
            }
            return GRPCHealthV1.HealthCheckResponse(status: status)
        }
        router.immediate(GRPCHealthV1.Health.list) { [self] (_, _) throws(RPCError) in
            var response = GRPCHealthV1.HealthListResponse()
            for (service, status) in state.withLock(\.statuses).sorted(by: { $0.key < $1.key }) {
                response.statuses[service] = GRPCHealthV1.HealthCheckResponse(status: status)
            }
            return response
        }
        router.serverStreaming(GRPCHealthV1.Health.watch) { [self] (request, _, writer) async throws(RPCError) in
            try await watch(request.service, writer)
        }
    }

    private func status(of service: String) -> Status? { state.withLock { $0.statuses[service] } }

    private func watch(
        _ service: String, _ writer: RPCWriter<GRPCHealthV1.HealthCheckResponse>
    ) async throws(RPCError) {
        var last: Status?
        while !Task.isCancelled {
            let status = status(of: service) ?? .serviceUnknown
            if status != last {
                last = status
                try await writer.send(GRPCHealthV1.HealthCheckResponse(status: status))
            }
            let waiter = Waiter()
            await waiter.wait { waiter in
                let isStale = state.withLock { state in
                    let isStale = (state.statuses[service] ?? .serviceUnknown) != status
                    if !isStale { state.watchers.append(waiter) }
                    return isStale
                }
                if isStale { waiter.resume() }
            }
            state.withLock { state in state.watchers.removeAll { $0 === waiter } }
        }
        throw RPCError(code: .cancelled, message: "the watch was cancelled")
    }
}
