import AsyncHTTPClient
import CSICore
import CSIProgram
import NIOCore

/// The API over HTTP, or HTTPS with the certificate verified.
struct HTTPTransport: APITransport {
    /// Lives as long as the process, like the connections that it keeps.
    private static let client = HTTPClient(
        configuration: .init(
            redirectConfiguration: .disallow, timeout: .init(connect: .seconds(5), read: .seconds(30))))

    private static let largestAnswer = 8 << 20

    let base: String
    /// Nil for a server that asks for none, as the metadata service.
    let token: SecretSource?

    func send(_ request: APIRequest, within limit: Duration) async throws(ConnectionFailure) -> APIResponse {
        do {
            var message = HTTPClientRequest(url: base + request.path)
            message.method = .RAW(value: request.method)
            try token?.withValue { message.headers.add(name: "Authorization", value: "Bearer \($0)") }
            if !request.body.isEmpty {
                message.headers.add(name: "Content-Type", value: "application/json")
                message.body = .bytes(request.body)
            }
            let answer = try await Self.client.execute(message, timeout: TimeAmount(limit))
            let body = try await answer.body.collect(upTo: Self.largestAnswer)
            let pause = answer.headers.first(name: "Retry-After").flatMap { Int64($0) }
            return APIResponse(
                status: Int(answer.status.code), retryAfter: pause.map { .seconds(min(max($0, 0), 3600)) },
                body: Array(body.readableBytesView))
        } catch {
            throw ConnectionFailure(detail: "\(request.method) \(base)\(request.path): \(error)")
        }
    }
}
