import CSICore
import CSIProto
import CSITestKit
import CSITransport
import Logging
import Testing

@testable import ScratchDriver

@Suite("The scratch driver")
struct ScratchDriverTests {
    /// A machine with a scratch disk of 64 GiB and a place for the targets of pods.
    @Sendable static func machine() -> FakeHost {
        let host = FakeHost()
        host.addFileSystem(at: "/scratch", bytes: 64 << 30)
        host.addDirectory("/pods")
        return host
    }

    /// The driver of a new process on a machine.
    @Sendable static func driver(on host: FakeHost) throws -> any CSIDriver {
        let logger = Logger(label: "scratch") { _ in SwiftLogNoOpLogHandler() }
        return try ScratchDriver(nodeID: NodeID("node-1"), root: "/scratch", role: .all, host: host, logger: logger)
    }

    @Test("does what callers expect, row by row")
    func conforms() async throws {
        let host = Self.machine()
        let report = try await Conformance(of: Self.driver(on: host), on: host).check()
        #expect(report.passed.count > 150)
    }

    @Test("survives a crash at any moment of a volume's life")
    func survivesCrashes() async throws {
        let explorer = CrashExplorer(host: Self.machine, driver: Self.driver)
        let report = try await explorer.explore(.fullLifecycle(targets: "/pods", parameters: ["access": "private"]))
        try report.requireNoFailures()
        #expect(report.explored > 80)
    }

    @Test("gives a class's volumes the access that it asks for", arguments: [("private", 0o700), ("shared", 0o777)])
    func access(name: String, mode: Int) async throws {
        let host = Self.machine()
        let client = try await Self.client(of: host)
        _ = try await client.call(CSIv1.Controller.createVolume, Self.request("v", ["access": name]))
        #expect(host.metadata(of: "/scratch/volumes/v/data")?.permissions.rawValue == UInt32(mode))
    }

    @Test(
        "says what is wrong, and where",
        arguments: [
            (["access": "public"], 1, .invalidArgument, "private or shared"),
            (["acess": "private"], 1, .invalidArgument, "known are access"),
            ([:], 65 << 30, .outOfRange, "in all"),
        ] as [(ProtoMap<String, String>, Int64, RPCCode, String)])
    func refusals(parameters: ProtoMap<String, String>, size: Int64, code: RPCCode, words: String) async throws {
        let client = try await Self.client(of: Self.machine())
        let error = await #expect(throws: RPCError.self) {
            try await client.call(CSIv1.Controller.createVolume, Self.request("v", parameters, size: size))
        }
        #expect(error?.code == code)
        #expect(error?.message.contains(words) == true, "\(error?.message ?? "")")
    }

    @Test("is looked for elsewhere when its disk is full")
    func full() async throws {
        let host = Self.machine()
        let client = try await Self.client(of: host)
        host.setCapacity(of: "/scratch", bytes: 64 << 30, inodes: 0)
        let error = await #expect(throws: RPCError.self) {
            try await client.call(CSIv1.Controller.createVolume, Self.request("v"))
        }
        #expect(error?.code == .resourceExhausted)
    }

    @Test("tells all that is wrong with its settings at once")
    func settings() async {
        #expect(await scratchProgram.run(.node, arguments: ["--root", "scratch"], environment: [:]) == 64)
        #expect(await scratchProgram.run(.node, arguments: ["--help"], environment: [:]) == 0)
    }

    private static func client(of host: FakeHost) async throws -> LocalDriver {
        let client = LocalDriver(try driver(on: host))
        try await client.start()
        return client
    }

    private static func request(
        _ name: String, _ parameters: ProtoMap<String, String> = [:], size: Int64 = 1 << 20
    ) -> CSIv1.CreateVolumeRequest {
        .init(
            name: name, capacityRange: .init(requiredBytes: size),
            volumeCapabilities: [.init(accessType: .mount(.init()), accessMode: .init(mode: .singleNodeWriter))],
            parameters: parameters)
    }
}
