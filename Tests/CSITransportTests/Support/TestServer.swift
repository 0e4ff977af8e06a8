import CSILock
import CSIProto
import Glibc
import Testing

@testable import CSITransport

/// What the handlers of a test saw.
final class Journal: Sendable {
    private let entries = Guarded<[String]>([])

    func note(_ entry: String) {
        entries.withLock { $0.append(entry) }
    }

    var all: [String] { entries.withLock { $0 } }

    func count(_ entry: String) -> Int { all.count { $0 == entry } }

    /// Waits until `entry` has been noted so often; false after half a minute.
    func wait(for entry: String, count: Int = 1) async -> Bool {
        for _ in 0..<3_000 {
            if self.count(entry) >= count { return true }
            try? await Task.sleep(for: .milliseconds(10))
        }
        return false
    }
}

/// A directory of its own for the sockets of a test.
final class ScratchDirectory: Sendable {
    let path: String

    init() {
        var template = Array("/tmp/csi-transport-XXXXXX".utf8CString)
        let made = template.withUnsafeMutableBufferPointer { buffer in
            buffer.baseAddress.flatMap { mkdtemp($0) }.map { String(cString: $0) }
        }
        path = made ?? "/tmp"
    }

    deinit {
        guard path != "/tmp", let directory = opendir(path) else { return }
        while let entry = readdir(directory) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            unlink("\(path)/\(name)")
        }
        closedir(directory)
        rmdir(path)
    }

    func endpoint(_ name: String = "csi.sock") throws -> Endpoint {
        try Endpoint(parsing: "unix://\(path)/\(name)")
    }
}

/// The routes that most tests use.
func testRouter(_ journal: Journal = Journal(), executor: BlockingExecutor? = nil) -> RPCRouter {
    var router = RPCRouter()
    router.unary(TestMethods.probe) { (_, _) async throws(RPCError) in TestMessage(value: [8, 1]) }
    router.unary(TestMethods.echo) { (request, context) async throws(RPCError) in
        if let text = context.metadata["echo-metadata"] {
            context.setInitialMetadata(["initial": .text(text)])
            context.setTrailingMetadata([
                "trailing": .text(text),
                "bytes-bin": .binary(context.metadata.binaryValues(for: "echo-bin").first ?? []),
            ])
        }
        return request
    }
    router.unary(TestMethods.fail) { (request, _) async throws(RPCError) in
        throw RPCError(
            code: .failedPrecondition, message: request.text,
            metadata: ["reason": "on-purpose", "raw-bin": .binary([0, 255])])
    }
    router.unary(TestMethods.hang) { (_, context) async throws(RPCError) in
        journal.note(context.deadline == nil ? "hang" : "hang with deadline")
        do {
            try await Task.sleep(for: .seconds(60))
        } catch {
            journal.note("cancelled")
            throw RPCError(code: .cancelled, message: "cancelled")
        }
        return TestMessage()
    }
    router.unary(TestMethods.large) { (request, _) async throws(RPCError) in
        TestMessage(value: [UInt8](repeating: 7, count: Int(request.text) ?? 203_000))
    }
    if let executor {
        // Blocks its thread until the test has noted "go on": what waits for it instead of going on fails by the test's limit.
        router.unary(TestMethods.block) { (_, _) async throws(RPCError) in
            await withTaskExecutorPreference(executor) {
                journal.note("block")
                while journal.count("go on") == 0 { usleep(10_000) }
                journal.note("unblock")
            }
            return TestMessage()
        }
    }
    return router
}

extension RPCServerConfiguration {
    /// The defaults, with a short end.
    static var forTests: RPCServerConfiguration {
        var configuration = RPCServerConfiguration()
        configuration.drainTimeout = .milliseconds(200)
        configuration.cancellationTimeout = .seconds(10)
        return configuration
    }
}

/// Runs `body` against a server on a socket of its own, and shuts the server down.
func withTestServer(
    _ router: RPCRouter = testRouter(), _ configuration: RPCServerConfiguration = .forTests,
    _ body: (Endpoint) async throws -> Void
) async throws {
    try await withTestServer(router, configuration) { (endpoint, _) in try await body(endpoint) }
}

/// As above; `body` also gets the server's thread.
func withTestServer(
    _ router: RPCRouter, _ configuration: RPCServerConfiguration, _ body: (Endpoint, TestThread) async throws -> Void
) async throws {
    let directory = ScratchDirectory()
    let endpoint = try directory.endpoint()
    let server = RPCServer(endpoint: endpoint, router: router, configuration: configuration)
    try server.bind()
    // Neither the server nor a test that blocks in a socket call may hold up the few threads of the pool.
    let ended = Waiter()
    let thread = await withCheckedContinuation { (continuation: CheckedContinuation<TestThread?, Never>) in
        let started = DetachedThread.start(name: "test-server") {
            continuation.resume(returning: .current)
            do throws(EndpointError) { try server.runOnCallingThread() } catch { Issue.record(error) }
            ended.resume()
        }
        if started != 0 { continuation.resume(returning: nil) }
    }
    let running = try #require(thread)
    var failure: (any Error)?
    do {
        try await withTaskExecutorPreference(blockingTests) { try await body(endpoint, running) }
    } catch {
        failure = error
    }
    server.beginGracefulShutdown()
    await ended.wait { _ in }
    if let failure { throw failure }
}

private let blockingTests = BlockingExecutor(name: "tests", maximumThreads: 64)

/// What carries the calls of a test.
enum Carrier: CaseIterable {
    case socket
    case inProcess
}

/// Runs `body` with a client of a server of its own.
func withTestClient(
    _ carrier: Carrier = .socket, _ router: RPCRouter = testRouter(),
    _ configuration: RPCServerConfiguration = .forTests, _ body: (RPCClient) async throws -> Void
) async throws {
    switch carrier {
    case .socket:
        try await withTestServer(router, configuration) { endpoint in
            let client = try await RPCClient.connect(to: endpoint, timeout: .seconds(60))
            defer { client.close() }
            try await body(client)
        }
    case .inProcess:
        let transport = try InProcessTransport(router: router, configuration: configuration)
        do {
            let client = try await transport.connect()
            defer { client.close() }
            try await body(client)
        } catch {
            await transport.shutDown()
            throw error
        }
        await transport.shutDown()
    }
}
