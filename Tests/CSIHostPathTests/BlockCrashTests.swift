import CSICore
import CSIHost
import CSIProto
import CSITestKit
import CSITransport
import SystemPackage
import Testing

@testable import CSIHostPath

@Suite("hostPath raw block volumes survive a crash at any moment")
struct BlockCrashTests {
    private static let size: Int64 = 1 << 20

    private static func step(
        _ name: String, _ call: @escaping @Sendable (LocalDriver) async throws(RPCError) -> Void
    ) -> Scenario.Step { Scenario.Step(name, call: call) }

    private static func create(_ name: String, _ source: CSIv1.VolumeContentSource? = nil) -> Scenario.Step {
        step("create \(name)") { (driver) async throws(RPCError) in
            _ = try await driver.call(
                CSIv1.Controller.createVolume,
                .init(
                    name: name, capacityRange: .init(requiredBytes: size),
                    volumeCapabilities: [Requests.blockCapability()], volumeContentSource: source,
                    mutableParameters: ["readAhead": "64Ki"]))
        }
    }

    private static func publish(_ name: String) -> Scenario.Step {
        step("publish \(name)") { (driver) async throws(RPCError) in
            _ = try await driver.call(
                CSIv1.Node.nodePublishVolume,
                .init(
                    volumeID: name, targetPath: "/scratch/pods/\(name)",
                    volumeCapability: Requests.blockCapability()))
        }
    }

    private static func unpublish(_ name: String) -> Scenario.Step {
        step("unpublish \(name)") { (driver) async throws(RPCError) in
            _ = try await driver.call(
                CSIv1.Node.nodeUnpublishVolume, .init(volumeID: name, targetPath: "/scratch/pods/\(name)"))
        }
    }

    private static func delete(_ name: String) -> Scenario.Step {
        step("delete \(name)") { (driver) async throws(RPCError) in
            _ = try await driver.call(CSIv1.Controller.deleteVolume, .init(volumeID: name))
        }
    }

    /// Both calls that growth takes; after a crash in between the device may be gone, and comes back with its new size.
    private static func expand(_ name: String, to size: Int64) -> Scenario.Step {
        step("expand \(name)") { (driver) async throws(RPCError) in
            _ = try await driver.call(
                CSIv1.Controller.controllerExpandVolume,
                .init(volumeID: name, capacityRange: .init(requiredBytes: size)))
            _ = try await driver.call(
                CSIv1.Node.nodeExpandVolume,
                .init(
                    volumeID: name, volumePath: "/scratch/pods/\(name)", capacityRange: .init(requiredBytes: size)))
        }
    }

    private static func modify(_ name: String) -> Scenario.Step {
        step("modify \(name)") { (driver) async throws(RPCError) in
            _ = try await driver.call(
                CSIv1.Controller.controllerModifyVolume,
                .init(volumeID: name, mutableParameters: ["readAhead": "128Ki", "directIO": "false"]))
        }
    }

    /// Takes the snapshot, and asks again until it is ready, as the snapshotter does.
    private static let snapshot = step("snapshot") { (driver) async throws(RPCError) in
        for _ in 0..<1000 {
            let reply = try await driver.call(CSIv1.Controller.createSnapshot, .init(sourceVolumeID: "v", name: "s"))
            if reply.snapshot?.readyToUse == true { return }
        }
        throw RPCError(code: .deadlineExceeded, message: "the snapshot is never ready")
    }

    private static let deleteSnapshot = step("delete snapshot") { (driver) async throws(RPCError) in
        _ = try await driver.call(CSIv1.Controller.deleteSnapshot, .init(snapshotID: "s"))
    }

    /// What must hold at every moment: no image has two devices.
    @Sendable private static func invariant(_ host: FakeHost) -> String? {
        let files = host.loopDevices.map(\.backing)
        return Set(files).count == files.count ? nil : "a file is attached twice: \(host.loopDevices)"
    }

    private static func explorer(_ type: String) -> CrashExplorer {
        CrashExplorer(
            host: Exploration.host(type), driver: Exploration.driver,
            ignoring: { ["snapshot", "group"].contains($0.lastComponent?.string) })
    }

    @Test func `create, publish, grow, modify, delete`() async throws {
        let scenario = Scenario(
            [
                Self.create("v"), Self.publish("v"), Self.expand("v", to: 2 * Self.size), Self.modify("v"),
                Self.unpublish("v"), Self.delete("v"),
            ], invariant: Self.invariant)
        let report = try await Self.explorer("ext4").explore(scenario)
        try report.requireNoFailures()
        #expect(report.explored > 100)
    }

    @Test func `a snapshot that is copied, and a restore`() async throws {
        let scenario = Scenario(
            [
                Self.create("v"), Self.snapshot, Self.create("r", .init(type: .snapshot(.init(snapshotID: "s")))),
                Self.deleteSnapshot, Self.delete("v"),
            ], invariant: Self.invariant)
        let report = try await Self.explorer("ext4").explore(scenario)
        try report.requireNoFailures()
        #expect(report.explored > 80)
    }

    @Test func `a snapshot and a clone of what is in use, which share blocks`() async throws {
        let scenario = Scenario(
            [
                Self.create("v"), Self.publish("v"), Self.snapshot,
                Self.create("c", .init(type: .volume(.init(volumeID: "v")))),
            ], invariant: Self.invariant)
        let report = try await Self.explorer("xfs").explore(scenario)
        try report.requireNoFailures()
        #expect(report.explored > 60)
    }

    @Test func `a group of a device in use and a directory is there whole or not at all`() async throws {
        let directory = Self.step("create d") { (driver) async throws(RPCError) in
            _ = try await driver.call(
                CSIv1.Controller.createVolume,
                .init(
                    name: "d", capacityRange: .init(requiredBytes: 1 << 20),
                    volumeCapabilities: [
                        .init(accessType: .mount(.init()), accessMode: .init(mode: .singleNodeWriter))
                    ]))
        }
        let take = Self.step("take the group") { (driver) async throws(RPCError) in
            _ = try await driver.call(
                CSIv1.GroupController.createVolumeGroupSnapshot, .init(name: "g", sourceVolumeIDs: ["v", "d"]))
        }
        let remove = Self.step("delete the group") { (driver) async throws(RPCError) in
            _ = try await driver.call(
                CSIv1.GroupController.deleteVolumeGroupSnapshot, .init(groupSnapshotID: "g"))
        }
        let scenario = Scenario(
            [
                Self.create("v"), directory, Self.publish("v"), take, remove,
            ]
        ) { (host) in
            guard host.metadata(of: "/scratch/pool/groups/g") != nil else { return nil }
            let names = host.paths(below: "/scratch/pool/groups/g").compactMap { $0.lastComponent?.string }
            return names.filter { ["data", "image"].contains($0) }.count == 2 ? nil : "the group has only \(names)"
        }
        let report = try await Self.explorer("xfs").explore(scenario)
        try report.requireNoFailures()
        #expect(report.explored > 100)
    }
}
