import FlyingFox
import FlyingSocks
import Foundation

/// A fake cloud behind HTTP on loopback, and the metadata services of its droplets.
package struct FakeServer: Sendable {
    private let server: HTTPServer
    private let task: Task<Void, any Error>

    /// Where the API is, for example `http://127.0.0.1:8080`.
    package let address: String

    /// Where a droplet finds its metadata service.
    package func metadata(of droplet: Int) -> String { "\(address)/droplet/\(droplet)" }

    /// Begins to serve.
    /// - Parameter port: 0 for any that is free.
    package init(_ cloud: FakeCloud, port: UInt16 = 0) async throws {
        let handler = ClosureHTTPHandler { request in await Self.answer(request, cloud) }
        let server = HTTPServer(
            address: try .inet(ip4: "127.0.0.1", port: port), pool: PromptSockets(), logger: .disabled,
            handler: handler)
        self.server = server
        task = Task { try await server.run() }
        try await server.waitUntilListening()
        guard case .ip4(_, let port) = await server.listeningAddress else { throw SocketError.unsupportedAddress }
        address = "http://127.0.0.1:\(port)"
    }

    /// Serves until the task ends.
    package func wait() async throws { try await task.value }

    package func stop() async {
        await server.stop(timeout: 0)
        task.cancel()
    }

    private static func answer(_ request: HTTPRequest, _ cloud: FakeCloud) async -> HTTPResponse {
        let words = request.path.split(separator: "/").map(String.init)
        if words.count == 5, words[0] == "droplet", words[3] == "v1" {
            return response(FakeAnswer(text: words[4] == "id" ? words[1] : cloud.region))
        }
        let token = request.headers[.authorization].flatMap { $0.hasPrefix("Bearer ") ? String($0.dropFirst(7)) : nil }
        var target = URLComponents()
        target.path = request.path
        if !request.query.isEmpty {
            target.queryItems = request.query.map { URLQueryItem(name: $0.name, value: $0.value) }
        }
        let body = (try? await request.bodyData) ?? Data()
        return response(
            cloud.answer(request.method.rawValue, target.string ?? request.path, token: token, body: Array(body)))
    }

    private static func response(_ answer: FakeAnswer) -> HTTPResponse {
        var headers: HTTPHeaders = [.contentType: "application/json"]
        if let pause = answer.retryAfter { headers[HTTPHeader("Retry-After")] = "\(pause)" }
        let status = HTTPStatusCode(answer.status, phrase: "")
        guard answer.isLost else { return HTTPResponse(statusCode: status, headers: headers, body: Data(answer.body)) }
        return HTTPResponse(
            statusCode: status, headers: headers, body: HTTPBodySequence(from: Broken(), count: answer.body.count + 1))
    }
}

/// Sockets that send at once what is written: the server writes the head of an answer and then its body, and without this the
/// kernel would keep the body back until the client has acknowledged the head, which takes it 40 ms.
private struct PromptSockets: AsyncSocketPool {
    private let base: any AsyncSocketPool = HTTPServer.defaultPool()

    func prepare() async throws { try await base.prepare() }

    func run() async throws { try await base.run() }

    func suspendSocket(_ socket: Socket, untilReadyFor events: Socket.Events) async throws {
        try? socket.setValue(true, for: BoolSocketOption(level: Int32(IPPROTO_TCP), name: TCP_NODELAY))
        try await base.suspendSocket(socket, untilReadyFor: events)
    }
}

/// The body of an answer that never comes.
private struct Broken: AsyncBufferedSequence {
    typealias Element = UInt8

    struct Cut: Error {}

    struct AsyncIterator: AsyncBufferedIteratorProtocol {
        mutating func next() async throws -> UInt8? { throw Cut() }
        mutating func nextBuffer(suggested count: Int) async throws -> [UInt8]? { throw Cut() }
    }

    func makeAsyncIterator() -> AsyncIterator { AsyncIterator() }
}
