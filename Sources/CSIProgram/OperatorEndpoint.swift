import CSICore
import CSIProto
import CSITransport
import Logging
import ServiceLifecycle

/// Serves `/healthz`, `/readyz` and `/metrics` over HTTP.
///
/// Health is asked for where the kubelet asks: with a `Probe` at the driver's own socket. `/healthz` is 200 when it answers
/// at all, so that a driver whose start-up scan takes long is not ended for it; `/readyz` when it answers ready.
struct OperatorEndpoint: Service {
    /// How long a probe may take; a kubelet gives up after a second unless it was told otherwise.
    private static let timeout = Duration.seconds(3)

    private let http: HTTPTextServer
    private let logger: Logger

    /// Binds the address.
    /// - Throws: `EndpointError` that tells what is in the way.
    init(
        at address: HTTPAddress, for server: CSIServer, on endpoint: Endpoint, page: MetricsPage, logger: Logger
    ) throws {
        page.show(server)
        self.logger = logger
        http = try HTTPTextServer(address: address, logger: logger) { path in
            switch path {
            case "/healthz": await Self.health(at: endpoint)
            case "/readyz": await Self.readiness(at: endpoint)
            case "/metrics": HTTPAnswer(contentType: MetricsPage.contentType, body: page.bytes())
            default: nil
            }
        }
    }

    func run() async throws {
        logger.notice("serving health and metrics", metadata: ["address": "\(http.address)"])
        try await withGracefulShutdownHandler {
            try await http.run()
        } onGracefulShutdown: {
            http.shutDown()
        }
    }

    private static func health(at endpoint: Endpoint) async -> HTTPAnswer {
        switch await probe(endpoint) {
        case .success: HTTPAnswer(line: "ok")
        case .failure(let error): HTTPAnswer(status: 503, line: error.description)
        }
    }

    private static func readiness(at endpoint: Endpoint) async -> HTTPAnswer {
        switch await probe(endpoint) {
        case .success(true): HTTPAnswer(line: "ok")
        case .success(false): HTTPAnswer(status: 503, line: "the driver is not ready; its log says why")
        case .failure(let error): HTTPAnswer(status: 503, line: error.description)
        }
    }

    private static func probe(_ endpoint: Endpoint) async -> Result<Bool, RPCError> {
        do throws(RPCError) {
            let client = try await RPCClient.connect(to: endpoint, timeout: .zero)
            defer { client.close() }
            let answer = try await client.unary(CSIv1.Identity.probe, .init(), timeout: timeout)
            // Left out, it means ready.
            return .success(answer.ready?.value ?? true)
        } catch {
            return .failure(error)
        }
    }
}
