import Glibc
import Testing

@testable import CSITransport

@Suite("Texts over HTTP/1.1", .timeLimit(.minutes(5)))
struct HTTPTextServerTests {
    @Test(
        "A request line is found, refused or waited for",
        arguments: [
            ("", .incomplete), ("GET / HTTP/1.1\r\n", .incomplete), ("GET / HTTP/1.1\r\nhost: a\r\n", .incomplete),
            ("GET / HTTP/1.1\r\n\r\n", .path("/", isHead: false)),
            ("GET /metrics HTTP/1.1\r\nHost: a\r\nAccept: */*\r\n\r\n", .path("/metrics", isHead: false)),
            ("HEAD /a?b=c HTTP/1.0\n\n", .path("/a", isHead: true)),
            ("GET /a#b HTTP/1.1\n\r\n", .path("/a", isHead: false)),
            ("POST / HTTP/1.1\r\n\r\n", .refused(405, "only GET and HEAD are answered")),
            ("get / HTTP/1.1\r\n\r\n", .refused(405, "only GET and HEAD are answered")),
            ("GET  / HTTP/1.1\r\n\r\n", .refused(400, "not a request of HTTP/1")),
            ("GET http://localhost/ HTTP/1.1\r\n\r\n", .refused(400, "not a request of HTTP/1")),
            ("GET / HTTP/2.0\r\n\r\n", .refused(400, "not a request of HTTP/1")),
            ("GET /\r\n\r\n", .refused(400, "not a request of HTTP/1")),
            ("\r\n\r\n", .refused(400, "not a request of HTTP/1")),
            ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", .refused(400, "not a request of HTTP/1")),
        ] as [(String, HTTPRequestLine)])
    func requestLine(text: String, expected: HTTPRequestLine) {
        #expect(HTTPRequestLine(in: Array(text.utf8)) == expected)
    }

    @Test func headIsLimited() {
        let head = Array("GET / HTTP/1.1\r\n".utf8) + [UInt8](repeating: 0x61, count: HTTPRequestLine.limit)
        #expect(HTTPRequestLine(in: head) == .refused(431, "the head is too large"))
    }

    @Test(
        "An address is what an operator writes",
        arguments: [
            ("127.0.0.1:9808", "127.0.0.1:9808"), (":9808", ":9808"), ("[::1]:1", "[::1]:1"),
            ("/run/h.sock", "unix:///run/h.sock"), ("unix:///run/h.sock", "unix:///run/h.sock"),
        ])
    func addresses(text: String, description: String) throws {
        #expect(try HTTPAddress(parsing: text).description == description)
    }

    @Test(
        "What is no address is refused with what is expected",
        arguments: [
            "", "9808", "localhost:9808", "127.0.0.1", "127.0.0.1:", "127.0.0.1:70000", "1.2.3:1", "::1:1", "[]:1",
            "[1.2.3.4]:1", "unix://relative", "/run/h", "[::1]", "a:b:1",
        ])
    func badAddresses(text: String) {
        let error = #expect(throws: HTTPAddressError.self) { try HTTPAddress(parsing: text) }
        #expect(error?.description.isEmpty == false)
    }

    private func withServer(
        limits: HTTPLimits = HTTPLimits(), address: HTTPAddress = .tcp(host: "127.0.0.1", port: 0),
        _ handler: @escaping HTTPTextServer.Handler = { path in
            path == "/ok" ? HTTPAnswer(line: "fine") : nil
        }, _ body: (HTTPAddress) async throws -> Void
    ) async throws {
        let server = try HTTPTextServer(address: address, limits: limits, handler: handler)
        async let running: Void = server.run()
        do {
            try await body(server.address)
        } catch {
            server.shutDown()
            throw error
        }
        server.shutDown()
        try await running
    }

    @Test func pathsAreAnswered() async throws {
        try await withServer { address in
            #expect(try fetch(address, "GET /ok HTTP/1.1\r\n\r\n").hasPrefix("HTTP/1.1 200 OK\r\n"))
            #expect(try fetch(address, "GET /ok HTTP/1.1\r\n\r\n").hasSuffix("\r\n\r\nfine\n"))
            let head = try fetch(address, "HEAD /ok HTTP/1.1\r\n\r\n")
            #expect(head.contains("content-length: 5\r\n") && head.hasSuffix("\r\n\r\n"))
            #expect(try fetch(address, "GET /other HTTP/1.1\r\n\r\n").hasPrefix("HTTP/1.1 404 "))
            #expect(try fetch(address, "POST /ok HTTP/1.1\r\n\r\nbody").hasPrefix("HTTP/1.1 405 "))
            #expect(try fetch(address, "garbage\r\n\r\n").hasPrefix("HTTP/1.1 400 "))
        }
    }

    @Test func aUnixSocketServesAndGoes() async throws {
        let directory = ScratchDirectory()
        let endpoint = try directory.endpoint("http.sock")
        try await withServer(address: .unix(endpoint)) { address in
            let answer = try fetch(address, "GET /ok HTTP/1.1\r\n\r\n")
            #expect(answer.hasSuffix("fine\n"))
        }
        #expect(access(endpoint.path, F_OK) != 0)
    }

    @Test func aLargeAnswerReachesASlowReader() async throws {
        let body = [UInt8](repeating: 0x61, count: 3_000_000)
        let handler: HTTPTextServer.Handler = { _ in HTTPAnswer(contentType: "text/plain", body: body) }
        try await withServer(handler) { address in
            let answer = try fetch(address, "GET / HTTP/1.1\r\n\r\n", pausing: 200_000)
            #expect(answer.utf8.count > body.count)
            #expect(answer.hasSuffix("aaaa"))
        }
    }

    @Test func silentPeersAreClosedAndDoNotKeepOthersOut() async throws {
        var limits = HTTPLimits()
        limits.connections = 8
        limits.requestTimeout = .seconds(2)
        try await withServer(limits: limits) { address in
            let silent = try (0..<20).map { _ in try HTTPPeer(address) }
            for peer in silent { peer.send("GET /ok") }
            #expect(try fetch(address, "GET /ok HTTP/1.1\r\n\r\n").hasSuffix("fine\n"))
            for peer in silent { #expect(peer.readToEnd() == "") }
        }
    }

    @Test func aHandlerThatHangsHoldsOnlyItsOwnConnection() async throws {
        var limits = HTTPLimits()
        limits.handlerTimeout = .seconds(10)
        let journal = Journal()
        let handler: HTTPTextServer.Handler = { path in
            if path == "/hang" { _ = await journal.wait(for: "go on") }
            return HTTPAnswer(line: "fine")
        }
        try await withServer(limits: limits, handler) { address in
            let hanging = try HTTPPeer(address)
            hanging.send("GET /hang HTTP/1.1\r\n\r\n")
            #expect(try fetch(address, "GET /ok HTTP/1.1\r\n\r\n").hasSuffix("fine\n"))
            #expect(hanging.readToEnd() == "")
            journal.note("go on")
        }
    }

    @Test func shutdownBeforeRunLeavesNothing() async throws {
        let endpoint = try ScratchDirectory().endpoint("http.sock")
        mkdir(String(endpoint.path.dropLast("/http.sock".count)), 0o700)
        defer { rmdir(String(endpoint.path.dropLast("/http.sock".count))) }
        let server = try HTTPTextServer(address: .unix(endpoint)) { _ in nil }
        server.shutDown()
        try await server.run()
        #expect(access(endpoint.path, F_OK) != 0)
    }

    @Test func aTakenPortIsAnErrorThatNamesIt() throws {
        let first = try HTTPTextServer(address: .tcp(host: "127.0.0.1", port: 0)) { _ in nil }
        let error = #expect(throws: EndpointError.self) { try HTTPTextServer(address: first.address) { _ in nil } }
        #expect(error?.description.contains(first.address.description) == true)
    }
}

/// Sends a request and reads the answer to its end.
private func fetch(_ address: HTTPAddress, _ request: String, pausing microseconds: UInt32 = 0) throws -> String {
    let peer = try HTTPPeer(address)
    peer.send(request)
    if microseconds > 0 { usleep(microseconds) }
    return peer.readToEnd()
}

/// A client that sends what it is told, byte by byte if need be.
private final class HTTPPeer {
    private let descriptor: Int32

    init(_ address: HTTPAddress) throws {
        var limit = timeval(tv_sec: 30, tv_usec: 0)
        let result: Int32
        switch address {
        case .unix(let endpoint):
            descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
            let descriptor = descriptor
            result = Int32(clamping: SocketAddress(endpoint).call { connect(descriptor, $0, $1) })
        case .tcp(_, let port):
            descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            var target = sockaddr_in()
            target.sin_family = sa_family_t(AF_INET)
            target.sin_port = port.bigEndian
            target.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
            let descriptor = descriptor
            result = withUnsafePointer(to: target) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
                }
            }
        }
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        if result != 0 { throw EndpointError.system(operation: "connect", path: "\(address)", errno: -result) }
    }

    deinit { Glibc.close(descriptor) }

    func send(_ text: String) {
        let bytes = Array(text.utf8)
        _ = Glibc.send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL))
    }

    func readToEnd() -> String {
        var all: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while case let count = recv(descriptor, &buffer, buffer.count, 0), count > 0 { all += buffer[..<count] }
        return String(decoding: all, as: UTF8.self)
    }
}
