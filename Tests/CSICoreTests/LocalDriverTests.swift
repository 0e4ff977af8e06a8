import CSIProto
import CSITransport
import Logging
import Testing

@testable import CSICore

@Suite("A driver within this process", .timeLimit(.minutes(5)))
struct LocalDriverTests {
    /// The ways to a client; whatever the way, the test body is the same.
    enum Way: String, CaseIterable, Sendable {
        case inProcess
        case socket
    }

    private func with(_ way: Way, _ body: (RPCClient) async throws -> Void) async throws {
        let driver = try FullDriver()
        switch way {
        case .inProcess:
            let local = LocalDriver(driver)
            try await local.start()
            try await body(try await local.connect())
        case .socket:
            let path = "/tmp/swift-csi-local-\(UInt32.random(in: .min ... .max)).sock"
            let server = CSIServer(
                driver, role: .all, configuration: .init(endpoint: try Endpoint(parsing: path)),
                logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
            let running = Task { try await server.run() }
            let client = try await RPCClient.connect(to: Endpoint(parsing: path), timeout: .seconds(60))
            while try await client.unary(CSIv1.Identity.probe, .init()).ready?.value != true {
                try await Task.sleep(for: .milliseconds(1))
            }
            try await body(client)
            client.close()
            server.beginGracefulShutdown()
            try await running.value
        }
    }

    @Test("is called with the same typed calls as at a socket, streams included", arguments: Way.allCases)
    func sameCalls(way: Way) async throws {
        try await with(way) { client in
            let info = try await client.unary(CSIv1.Identity.getPluginInfo, .init())
            #expect(!info.name.isEmpty)
            let capability = CSIv1.VolumeCapability(
                accessType: .mount(.init()), accessMode: .init(mode: .singleNodeWriter))
            let made = try await client.unary(
                CSIv1.Controller.createVolume, .init(name: "v", volumeCapabilities: [capability]))
            #expect(made.volume?.volumeID == "v")
            let error = await #expect(throws: RPCError.self) {
                try await client.unary(CSIv1.Controller.createVolume, .init(name: ""))
            }
            #expect(error?.code == .invalidArgument)
            let ranges = try await client.serverStreaming(
                CSIv1.SnapshotMetadata.getMetadataAllocated, .init(snapshotID: "s")
            ) { reader in
                var count = 0
                while let message = try await reader.next() { count += message.blockMetadata.count }
                return count
            }
            #expect(ranges == 10)
        }
    }
}
