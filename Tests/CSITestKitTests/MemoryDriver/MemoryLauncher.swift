import CSIProto
import CSITestKit
import CSITransport
import Glibc
import Synchronization

/// Starts memory drivers at sockets, rightly or with one fault.
final class MemoryLauncher: ConformanceLauncher {
    enum Fault: String, Sendable {
        case takesOver = "launching/second-instance"
        case replacesFile = "launching/regular-file"
        case leavesSocket = "launching/socket-removed"
        case startsOnce = "launching/started-again"
    }

    private let fault: Fault?
    private let count = Mutex(0)

    init(_ fault: Fault? = nil) {
        self.fault = fault
    }

    private struct Instance: ConformanceInstance {
        let server: RPCServer
        let running: Task<Void, any Error>
        let leavesSocket: Bool

        func stop() async {
            server.beginGracefulShutdown()
            _ = await running.result
            if leavesSocket, let file = fopen(server.endpoint.path, "w") { fclose(file) }
        }
    }

    func launch(at path: String) async -> (any ConformanceInstance)? {
        let number = count.withLock { count in
            count += 1
            return count
        }
        if fault == .startsOnce && number > 1 { return nil }
        if fault == .takesOver || fault == .replacesFile { unlink(path) }
        guard let endpoint = try? Endpoint(parsing: path) else { return nil }
        let server = RPCServer(endpoint: endpoint, router: MemoryDriver(.bare).router(.controller))
        guard (try? server.bind()) != nil else { return nil }
        let running = Task { try await server.run() }
        // A bound server takes connections, and answers once it runs.
        guard let client = try? await RPCClient.connect(to: endpoint, timeout: .seconds(60)),
            (try? await client.unary(CSIv1.Identity.probe, .init())) != nil
        else { return nil }
        client.close()
        return Instance(server: server, running: running, leavesSocket: fault == .leavesSocket)
    }
}
