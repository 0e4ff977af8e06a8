import CSICore
import CSIHost
import CSIProto
import CSITestKit
import CSITransport
import SystemPackage
import Testing

@testable import CSILoopback

/// The machine, the driver and the calls of explorations.
enum Exploration {
    @Sendable static func host() -> FakeHost {
        let host = Rig.fake()
        host.addDirectory("/scratch/staging/v")
        host.addDirectory("/scratch/staging/r")
        return host
    }

    @Sendable static func driver(_ host: FakeHost) throws -> any CSIDriver {
        try Rig.driver(host, "/scratch")
    }

    static func create(
        _ id: String, _ use: Use, size: Int64 = Requests.size, from source: CSIv1.VolumeContentSource? = nil,
        parameters: ProtoMap<String, String> = [:]
    ) -> Scenario.Step {
        Scenario.Step("create \(id)") { (driver) async throws(RPCError) in
            _ = try await driver.call(
                CSIv1.Controller.createVolume,
                .init(
                    name: id, capacityRange: .init(requiredBytes: size), volumeCapabilities: [use.capability],
                    parameters: parameters, volumeContentSource: source))
        }
    }

    static func stage(_ id: String, _ use: Use) -> Scenario.Step {
        Scenario.Step("stage \(id)") { (driver) async throws(RPCError) in
            _ = try await driver.call(
                CSIv1.Node.nodeStageVolume,
                .init(volumeID: id, stagingTargetPath: "/scratch/staging/\(id)", volumeCapability: use.capability))
        }
    }

    static func publish(_ id: String, _ use: Use, readOnly: Bool = false) -> Scenario.Step {
        Scenario.Step("publish \(id)\(readOnly ? " read-only" : "")") { (driver) async throws(RPCError) in
            _ = try await driver.call(
                CSIv1.Node.nodePublishVolume,
                .init(
                    volumeID: id, stagingTargetPath: "/scratch/staging/\(id)", targetPath: "/scratch/pods/\(id)",
                    volumeCapability: use.capability, readonly: readOnly))
        }
    }

    static func unpublish(_ id: String) -> Scenario.Step {
        Scenario.Step("unpublish \(id)") { (driver) async throws(RPCError) in
            _ = try await driver.call(
                CSIv1.Node.nodeUnpublishVolume, .init(volumeID: id, targetPath: "/scratch/pods/\(id)"))
        }
    }

    static func unstage(_ id: String) -> Scenario.Step {
        Scenario.Step("unstage \(id)") { (driver) async throws(RPCError) in
            _ = try await driver.call(
                CSIv1.Node.nodeUnstageVolume, .init(volumeID: id, stagingTargetPath: "/scratch/staging/\(id)"))
        }
    }

    static func delete(_ id: String) -> Scenario.Step {
        Scenario.Step("delete \(id)") { (driver) async throws(RPCError) in
            _ = try await driver.call(CSIv1.Controller.deleteVolume, .init(volumeID: id))
        }
    }

    static func snapshot(_ id: String) -> Scenario.Step {
        Scenario.Step("snapshot \(id)") { (driver) async throws(RPCError) in
            _ = try await driver.call(CSIv1.Controller.createSnapshot, .init(sourceVolumeID: id, name: "s"))
        }
    }

    static let deleteSnapshot = Scenario.Step("delete snapshot") { (driver) async throws(RPCError) in
        _ = try await driver.call(CSIv1.Controller.deleteSnapshot, .init(snapshotID: "s"))
    }

    /// Both calls that growth takes: between them a crash may have let the next stage do what is the second one's.
    static func expand(_ id: String, to size: Int64) -> Scenario.Step {
        Scenario.Step("expand \(id)") { (driver) async throws(RPCError) in
            _ = try await driver.call(
                CSIv1.Controller.controllerExpandVolume,
                .init(volumeID: id, capacityRange: .init(requiredBytes: size)))
            _ = try await driver.call(
                CSIv1.Node.nodeExpandVolume,
                .init(
                    volumeID: id, volumePath: "/scratch/pods/\(id)", capacityRange: .init(requiredBytes: size),
                    stagingTargetPath: "/scratch/staging/\(id)"))
        }
    }
}

@Suite("Loopback survives a crash at any moment")
struct CrashTests {
    /// What must hold at every moment: no volume has two devices, and nothing is frozen for good.
    @Sendable private static func invariant(_ host: FakeHost) -> String? {
        let files = host.loopDevices.map(\.backing)
        return Set(files).count == files.count ? nil : "a file is attached twice: \(host.loopDevices)"
    }

    private let explorer = CrashExplorer(host: Exploration.host, driver: Exploration.driver)

    @Test("Create, stage, publish, grow, delete", arguments: [("ext4", "thick")])
    func mounted(fileSystem: String, provisioning: String) async throws {
        let use = Use(fileSystem: fileSystem)
        let size: Int64 = 300 << 20
        let report = try await explorer.explore(
            Scenario(
                [
                    Exploration.create("v", use, size: size, parameters: ["provisioning": provisioning]),
                    Exploration.stage("v", use), Exploration.publish("v", use),
                    Exploration.expand("v", to: 2 * size),
                    Exploration.unpublish("v"), Exploration.unstage("v"), Exploration.delete("v"),
                ], invariant: Self.invariant))
        try report.requireNoFailures()
        #expect(report.explored > 100)
    }

    @Test("A thin volume, which is formatted in its image")
    func thin() async throws {
        let use = Use(fileSystem: "xfs")
        let report = try await explorer.explore(
            Scenario(
                [
                    Exploration.create("v", use, size: 300 << 20), Exploration.stage("v", use),
                    Exploration.unstage("v"), Exploration.delete("v"),
                ], invariant: Self.invariant))
        try report.requireNoFailures()
        #expect(report.explored > 50, "\(report.explored)")
    }

    @Test("Raw block, writable and then read-only")
    func block() async throws {
        let use = Use.block
        let report = try await explorer.explore(
            Scenario(
                [
                    Exploration.create("v", use), Exploration.stage("v", use),
                    Exploration.publish("v", use, readOnly: true), Exploration.unpublish("v"),
                    Exploration.publish("v", use), Exploration.expand("v", to: 2 * Requests.size),
                    Exploration.unpublish("v"),
                    Exploration.unstage("v"), Exploration.delete("v"),
                ], invariant: Self.invariant))
        try report.requireNoFailures()
    }

    @Test("Snapshot of what is mounted, restore to a larger volume")
    func copies() async throws {
        let use = Use(fileSystem: "ext4")
        let report = try await explorer.explore(
            Scenario(
                [
                    Exploration.create("v", use), Exploration.stage("v", use), Exploration.snapshot("v"),
                    Exploration.create("r", use, size: 2 * Requests.size, from: Requests.from(snapshot: "s")),
                    Exploration.deleteSnapshot, Exploration.stage("r", use), Exploration.unstage("r"),
                ], invariant: Self.invariant))
        try report.requireNoFailures()
    }

    @Test("A thick clone of what is attached")
    func clones() async throws {
        let report = try await explorer.explore(
            Scenario(
                [
                    Exploration.create("v", .block), Exploration.stage("v", .block),
                    Exploration.create(
                        "c", .block, from: Requests.from(volume: "v"), parameters: ["provisioning": "thick"]),
                    Exploration.unstage("v"), Exploration.delete("v"), Exploration.delete("c"),
                ], invariant: Self.invariant))
        try report.requireNoFailures()
    }
}

@Suite("Loopback under callers that race")
struct ScheduleTests {
    private let explorer = ScheduleExplorer(host: Exploration.host, driver: Exploration.driver)

    @Test("Snapshots, growth and a pod on one volume")
    func races() async throws {
        let use = Use(fileSystem: "xfs")
        let size: Int64 = 300 << 20
        let report = await explorer.explore(
            [
                Scenario([
                    Exploration.create("v", use, size: size), Exploration.stage("v", use),
                    Exploration.publish("v", use), Exploration.unpublish("v"), Exploration.unstage("v"),
                ]),
                Scenario([
                    Exploration.create("v", use, size: size), Exploration.snapshot("v"), Exploration.deleteSnapshot,
                ]),
            ], seeds: 0..<30
        ) { host in
            guard host.loopDevices.isEmpty else { return "devices are left: \(host.loopDevices)" }
            let left = host.paths(below: "/scratch/pool").map(\.string).filter { $0.hasSuffix(".partial") }
            return left.isEmpty ? nil : "\(left)"
        }
        try report.requireNoFailures()
    }

    @Test("Callers that create, stage and delete the same volume end with none of it")
    func createAndDelete() async throws {
        let steps = [Exploration.create("v", .block), Exploration.delete("v")]
        let report = await explorer.explore([Scenario(steps), Scenario(steps)], seeds: 0..<30) { host in
            host.paths(below: "/scratch/pool/volumes").count == 1 && host.loopDevices.isEmpty
                ? nil : "something is left"
        }
        try report.requireNoFailures()
    }
}
