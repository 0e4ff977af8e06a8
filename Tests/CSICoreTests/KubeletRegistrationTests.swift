import CSIProto
import CSITransport
import Glibc
import Logging
import Testing

@testable import CSICore

@Suite("Registration with the kubelet", .timeLimit(.minutes(5)))
struct KubeletRegistrationTests {
    private typealias Registration = PluginRegistrationV1.Registration

    private let capture = LogCapture()

    /// Runs a driver and its registration while `body` plays the kubelet.
    private func registering(
        _ body: (_ registration: KubeletRegistration, _ socket: Endpoint) async throws -> Void
    ) async throws {
        var template = Array("/tmp/swift-csi-test.XXXXXX".utf8CString)
        let directory = try #require(mkdtemp(&template).map { String(cString: $0) })
        defer { rmdir(directory) }
        let logger = capture.logger()
        let server = CSIServer(
            try MemoryDriver(), role: .node,
            configuration: .init(endpoint: try Endpoint(parsing: "unix://\(directory)/csi.sock")), logger: logger)
        let registration = try KubeletRegistration(
            of: server, socketOnHost: "/var/lib/kubelet/plugins/a/csi.sock", registry: directory,
            interval: .milliseconds(50), logger: logger)
        let serving = Task { try await server.run() }
        let running = Task { try await registration.run() }
        do {
            try await body(registration, try Endpoint(parsing: "\(directory)/memory.example.com-reg.sock"))
        } catch {
            Issue.record(error)
        }
        running.cancel()
        try await running.value
        server.beginGracefulShutdown()
        try await serving.value
    }

    private func notify(_ client: RPCClient, registered: Bool) async throws {
        _ = try await client.unary(
            Registration.notifyRegistrationStatus,
            .init(pluginRegistered: registered, error: registered ? "" : "the kubelet is not in the mood"))
    }

    private func until(_ condition: () -> Bool) async throws {
        for _ in 0..<3_000 where !condition() { try await Task.sleep(for: .milliseconds(10)) }
        #expect(condition())
    }

    @Test("The kubelet learns type, name, socket and versions, and says how it went")
    func registers() async throws {
        try await registering { registration, socket in
            let kubelet = try await RPCClient.connect(to: socket, timeout: .seconds(60))
            defer { kubelet.close() }
            let info = try await kubelet.unary(Registration.getInfo, .init())
            #expect(info.type == "CSIPlugin")
            #expect(info.name == "memory.example.com")
            #expect(info.endpoint == "/var/lib/kubelet/plugins/a/csi.sock")
            #expect(info.supportedVersions == ["1.0.0"])
            #expect(!registration.isRegistered)
            try await notify(kubelet, registered: true)
            #expect(registration.isRegistered)
        }
    }

    @Test("A socket that was removed is made again, for a kubelet that cleared its directory")
    func removed() async throws {
        try await registering { registration, socket in
            let first = try await RPCClient.connect(to: socket, timeout: .seconds(60))
            try await notify(first, registered: true)
            first.close()
            #expect(unlink(socket.path) == 0)
            let second = try await RPCClient.connect(to: socket, timeout: .seconds(60))
            defer { second.close() }
            #expect(try await second.unary(Registration.getInfo, .init()).name == "memory.example.com")
            try await notify(second, registered: true)
            #expect(registration.isRegistered)
        }
    }

    @Test("A refused driver is offered again with a new socket")
    func refused() async throws {
        try await registering { registration, socket in
            let first = try await RPCClient.connect(to: socket, timeout: .seconds(60))
            defer { first.close() }
            try await notify(first, registered: false)
            #expect(!registration.isRegistered)
            try await until { capture.all.count { $0.contains("waiting for the kubelet") } == 2 }
            let second = try await RPCClient.connect(to: socket, timeout: .seconds(60))
            defer { second.close() }
            #expect(try await second.unary(Registration.getInfo, .init()).name == "memory.example.com")
        }
    }

    @Test("The socket goes with the process")
    func ends() async throws {
        var path = ""
        try await registering { _, socket in
            path = socket.path
            let kubelet = try await RPCClient.connect(to: socket, timeout: .seconds(60))
            kubelet.close()
        }
        #expect(SocketFile(path) == nil)
    }

    @Test("Paths that cannot be a socket's are refused")
    func badPaths() throws {
        let server = CSIServer(
            try MemoryDriver(), role: .node, configuration: .init(endpoint: try Endpoint(parsing: "/tmp/csi.sock")),
            logger: LogCapture().logger())
        for (path, registry) in [
            ("relative.sock", "/r"), ("/a.sock", "r"), ("/a", "/" + String(repeating: "r", count: 200)),
        ] {
            #expect(throws: CSIError.self) {
                try KubeletRegistration(of: server, socketOnHost: path, registry: registry, logger: server.logger)
            }
        }
    }
}
