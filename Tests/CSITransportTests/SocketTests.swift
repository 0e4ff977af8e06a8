import CSIProto
import Glibc
import Testing

@testable import CSITransport

@Suite("The server's socket", .timeLimit(.minutes(5)))
struct SocketTests {
    private func status(_ endpoint: Endpoint) -> stat? {
        var status = stat()
        return lstat(endpoint.path, &status) == 0 ? status : nil
    }

    private func makeServer(
        _ endpoint: Endpoint, _ configuration: RPCServerConfiguration = .forTests
    ) -> RPCServer {
        RPCServer(endpoint: endpoint, router: testRouter(), configuration: configuration)
    }

    @Test(arguments: [UInt32(0o600), 0o660, 0o666, 0o640])
    func hasItsMode(_ mode: UInt32) throws {
        let directory = ScratchDirectory()
        let endpoint = try directory.endpoint()
        var configuration = RPCServerConfiguration.forTests
        configuration.socket = SocketOwnership(mode: mode)
        let server = makeServer(endpoint, configuration)
        try server.bind()
        #expect(status(endpoint).map { UInt32($0.st_mode) & 0o777 } == mode)
        server.beginGracefulShutdown()
        #expect(status(endpoint) == nil)
    }

    @Test(.enabled(if: geteuid() == 0)) func hasItsOwnerAndGroup() throws {
        let directory = ScratchDirectory()
        let endpoint = try directory.endpoint()
        var configuration = RPCServerConfiguration.forTests
        configuration.socket = SocketOwnership(mode: 0o660, userID: 65_534, groupID: 12)
        let server = makeServer(endpoint, configuration)
        try server.bind()
        #expect(status(endpoint)?.st_uid == 65_534)
        #expect(status(endpoint)?.st_gid == 12)
        #expect(status(endpoint).map { UInt32($0.st_mode) & 0o777 } == 0o660)
        server.beginGracefulShutdown()
    }

    @Test func liveSocketIsNotTaken() async throws {
        try await withTestServer { endpoint in
            let error = #expect(throws: EndpointError.self) { try makeServer(endpoint).bind() }
            #expect(error == .inUse(endpoint.path, pid: getpid()))
            #expect(error?.description.contains("pid \(getpid())") == true)
            // The first one goes on.
            let client = try RawClient(endpoint)
            client.call(1, "Probe")
            #expect(client.answer(1).status == 0)
        }
    }

    @Test func staleSocketIsReplaced() throws {
        let directory = ScratchDirectory()
        let endpoint = try directory.endpoint()
        let made = SocketAddress.makeSocket()
        let abandoned = Int32(truncatingIfNeeded: made)
        #expect(SocketAddress(endpoint).call { bind(abandoned, $0, $1) } >= 0)
        close(abandoned)
        #expect(status(endpoint) != nil)
        let server = makeServer(endpoint)
        try server.bind()
        let client = try RawClient(endpoint)
        client.close()
        server.beginGracefulShutdown()
    }

    @Test(arguments: ["file", "directory", "link", "fifo"])
    func otherFilesAreLeftAlone(_ kind: String) throws {
        let directory = ScratchDirectory()
        let endpoint = try directory.endpoint()
        switch kind {
        case "file": close(creat(endpoint.path, 0o644))
        case "directory": mkdir(endpoint.path, 0o755)
        case "link": symlink("/nowhere.sock", endpoint.path)
        default: mkfifo(endpoint.path, 0o644)
        }
        let before = status(endpoint)?.st_ino
        #expect(throws: EndpointError.notASocket(endpoint.path)) { try makeServer(endpoint).bind() }
        #expect(status(endpoint)?.st_ino == before)
        if kind == "directory" { rmdir(endpoint.path) }
    }

    @Test func successorsSocketIsNotRemoved() throws {
        let directory = ScratchDirectory()
        let endpoint = try directory.endpoint()
        let first = makeServer(endpoint)
        try first.bind()
        unlink(endpoint.path)
        let second = makeServer(endpoint)
        try second.bind()
        first.beginGracefulShutdown()
        #expect(status(endpoint) != nil)
        second.beginGracefulShutdown()
        #expect(status(endpoint) == nil)
    }

    @Test func missingDirectoryIsNamed() throws {
        let endpoint = try Endpoint(parsing: "/nowhere-at-all/csi.sock")
        let error = #expect(throws: EndpointError.self) { try makeServer(endpoint).bind() }
        #expect(error?.description == "open /nowhere-at-all/: No such file or directory (2)")
    }

    @Test func ofTwoThatStartTogetherOneWins() async throws {
        for _ in 0..<20 {
            let directory = ScratchDirectory()
            let endpoint = try directory.endpoint()
            let abandoned = Int32(truncatingIfNeeded: SocketAddress.makeSocket())
            _ = SocketAddress(endpoint).call { bind(abandoned, $0, $1) }
            close(abandoned)
            let servers = (0..<4).map { _ in makeServer(endpoint) }
            let winners = await withTaskGroup(of: Bool.self) { group in
                for server in servers {
                    group.addTask {
                        do {
                            try server.bind()
                            return true
                        } catch { return false }
                    }
                }
                return await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
            }
            #expect(winners == 1)
            for server in servers { server.beginGracefulShutdown() }
        }
    }

    @Test(arguments: [true, false])
    func usersMayBeLimited(_ isAllowed: Bool) async throws {
        var configuration = RPCServerConfiguration.forTests
        configuration.allowedUserIDs = isAllowed ? [geteuid()] : [geteuid() + 1]
        try await withTestServer(testRouter(), configuration) { endpoint in
            let client = try RawClient(endpoint)
            client.call(1, "Probe")
            #expect((client.answer(1).status == 0) == isAllowed)
        }
    }

    @Test func handlersKnowThePeer() async throws {
        let journal = Journal()
        var router = RPCRouter()
        router.unary(TestMethods.probe) { (request, context) async throws(RPCError) in
            journal.note("\(String(describing: context.peer))")
            return request
        }
        try await withTestClient(.socket, router) { _ = try await $0.unary(TestMethods.probe, TestMessage()) }
        try await withTestClient(.inProcess, router) { _ = try await $0.unary(TestMethods.probe, TestMessage()) }
        let expected = PeerCredentials(processID: getpid(), userID: geteuid(), groupID: getegid())
        #expect(journal.all == ["\(String(describing: Optional(expected)))", "nil"])
    }

    @Test func clientNamesWhatIsMissing() async throws {
        let endpoint = try ScratchDirectory().endpoint("nobody.sock")
        let error = await #expect(throws: RPCError.self) {
            _ = try await RPCClient.connect(to: endpoint, timeout: .zero)
        }
        #expect(error?.code == .unavailable)
        #expect(error?.message.contains(endpoint.path) == true)
    }

    @Test func clientWaitsForTheServer() async throws {
        let directory = ScratchDirectory()
        let endpoint = try directory.endpoint()
        async let client = RPCClient.connect(to: endpoint, timeout: .seconds(60))
        try await Task.sleep(for: .milliseconds(100))
        let server = makeServer(endpoint)
        async let running: Void = server.run()
        let answer = try await client.unary(TestMethods.probe, TestMessage())
        #expect(answer.value == [8, 1])
        server.beginGracefulShutdown()
        try await running
    }
}
