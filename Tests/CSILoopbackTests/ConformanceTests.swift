import CSICore
import CSIHost
import CSIProto
import CSITestKit
import CSITransport
import Glibc
import Logging
import SystemPackage
import Testing

@testable import CSILoopback

@Suite("Loopback does what callers expect")
struct ConformanceTests {
    @Test(
        "Every row of the conformance suite",
        arguments: [(ConformanceConfiguration.AccessType.mount, "xfs"), (.block, "ext4")])
    func rows(accessType: ConformanceConfiguration.AccessType, pool: String) async throws {
        let fake = Rig.fake(pool: pool)
        var template = Array("/tmp/swift-csi-test.XXXXXX".utf8CString)
        let folder = try #require(mkdtemp(&template).map { String(cString: $0) })
        defer { rmdir(folder) }
        let endpoint = try Endpoint(parsing: "unix://\(folder)/csi.sock")
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let server = CSIServer(
            try Rig.driver(fake, "/scratch"), role: .all, configuration: .init(endpoint: endpoint), logger: logger)
        let running = Task { try await server.run() }
        defer { running.cancel() }
        var configuration = ConformanceConfiguration()
        configuration.accessType = accessType
        configuration.volumeSize = 1 << 30
        configuration.parameters = ["provisioning": "thin"]
        configuration.otherParameters = ["provisioning": "thick"]
        configuration.stagingDirectory = "/scratch/staging"
        configuration.targetDirectory = "/scratch/pods"
        configuration.repeats = 2
        configuration.callTimeout = .seconds(20)
        configuration.site = FakeSite(host: fake)
        let client = try await connect(to: endpoint)
        let report = await Conformance(controller: client, configuration: configuration).run()
        client.close()
        #expect(report.failed.isEmpty, "\(report.text(including: [.failed]))")
        #expect(report.passed.count > 60)
        #expect(fake.loopDevices.isEmpty)
        #expect(fake.paths(below: "/scratch/pool/volumes") == ["/scratch/pool/volumes"])
        #expect(fake.paths(below: "/scratch/pool/snapshots") == ["/scratch/pool/snapshots"])
        running.cancel()
        _ = try? await running.value
    }

    private func connect(to endpoint: Endpoint) async throws -> RPCClient {
        for _ in 0..<200 {
            if let client = try? await RPCClient.connect(to: endpoint, timeout: .seconds(1)) { return client }
            try await Task.sleep(for: .milliseconds(20))
        }
        return try await RPCClient.connect(to: endpoint, timeout: .seconds(60))
    }
}

/// The file system of a modelled node.
private struct FakeSite: ConformanceSite {
    let host: FakeHost

    var isVisible: Bool { true }
    /// The model removes all mounts of a place at once.
    var canMount: Bool { false }

    func makeDirectory(_ path: String) async -> Bool {
        host.addDirectory(FilePath(path))
        return true
    }

    func removeDirectory(_ path: String) async {
        _ = try? await host.files.removeMountPoint(FilePath(path))
    }

    func exists(_ path: String) async -> Bool { host.metadata(of: FilePath(path)) != nil }

    func write(_ text: String, to path: String) async -> Bool {
        host.applicationWrites(FilePath(path), Array(text.utf8))
    }

    func read(_ path: String) async -> String? {
        host.content(of: FilePath(path)).map { String(decoding: $0, as: UTF8.self) }
    }

    func stack(_ source: String, on target: String) async -> Bool { false }

    func unstack(_ target: String) async {}
}
