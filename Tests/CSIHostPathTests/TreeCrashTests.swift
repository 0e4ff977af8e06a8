import CSICore
import CSIHost
import CSIProto
import CSITestKit
import CSITransport
import SystemPackage
import Testing

@testable import CSIHostPath

@Suite("hostPath snapshots, groups and inline volumes survive a crash at any moment")
struct TreeCrashTests {
    private static let mount = CSIv1.VolumeCapability(
        accessType: .mount(.init()), accessMode: .init(mode: .singleNodeWriter))

    private static func create(_ name: String, _ source: CSIv1.VolumeContentSource? = nil) -> Scenario.Step {
        Scenario.Step("create \(name)") { (driver) async throws(RPCError) in
            _ = try await driver.call(
                CSIv1.Controller.createVolume,
                .init(
                    name: name, capacityRange: .init(requiredBytes: 1 << 20), volumeCapabilities: [mount],
                    volumeContentSource: source))
        }
    }

    private static func delete(_ name: String) -> Scenario.Step {
        Scenario.Step("delete \(name)") { (driver) async throws(RPCError) in
            _ = try await driver.call(CSIv1.Controller.deleteVolume, .init(volumeID: name))
        }
    }

    /// Takes the snapshot, and asks again until it is ready, as the snapshotter does.
    private static let snapshot = Scenario.Step("snapshot") { (driver) async throws(RPCError) in
        for _ in 0..<1000 {
            let reply = try await driver.call(
                CSIv1.Controller.createSnapshot, .init(sourceVolumeID: "v", name: "s"))
            if reply.snapshot?.readyToUse == true { return }
        }
        throw RPCError(code: .deadlineExceeded, message: "the snapshot is never ready")
    }

    private static let deleteSnapshot = Scenario.Step("delete snapshot") { (driver) async throws(RPCError) in
        _ = try await driver.call(CSIv1.Controller.deleteSnapshot, .init(snapshotID: "s"))
    }

    /// A time is in the records of snapshots and groups.
    @Sendable private static func hasTime(_ path: FilePath) -> Bool {
        ["snapshot", "group"].contains(path.lastComponent?.string)
    }

    /// A machine whose volume `v` has something in it, whatever the driver does.
    private static func explorer(_ type: String) -> CrashExplorer {
        CrashExplorer(host: Exploration.host(type), driver: Exploration.driver, ignoring: hasTime)
    }

    /// A pool that copies, and one whose volumes are subvolumes.
    private static let ways = ["ext4", "btrfs"]

    @Test(arguments: ways)
    func `snapshot, restore and clone`(type: String) async throws {
        let scenario = Scenario([
            Self.create("v"), Self.snapshot,
            Self.create("r", .init(type: .snapshot(.init(snapshotID: "s")))),
            Self.create("c", .init(type: .volume(.init(volumeID: "v")))),
            Self.deleteSnapshot, Self.delete("r"), Self.delete("c"), Self.delete("v"),
        ])
        let report = try await Self.explorer(type).explore(scenario)
        try report.requireNoFailures()
        #expect(report.explored > 200)
    }

    @Test(arguments: ways)
    func `a group is there with all its members or not at all`(type: String) async throws {
        let take = Scenario.Step("take the group") { (driver) async throws(RPCError) in
            _ = try await driver.call(
                CSIv1.GroupController.createVolumeGroupSnapshot, .init(name: "g", sourceVolumeIDs: ["v", "w"]))
        }
        let remove = Scenario.Step("delete the group") { (driver) async throws(RPCError) in
            _ = try await driver.call(
                CSIv1.GroupController.deleteVolumeGroupSnapshot, .init(groupSnapshotID: "g"))
        }
        let scenario = Scenario([Self.create("v"), Self.create("w"), take, remove, Self.delete("v"), Self.delete("w")])
        {
            (host) in
            guard host.metadata(of: "/scratch/pool/groups/g") != nil else { return nil }
            let members = host.paths(below: "/scratch/pool/groups/g").filter { $0.lastComponent?.string == "data" }
            return members.count == 2 ? nil : "the group has \(members.count) members"
        }
        let report = try await Self.explorer(type).explore(scenario)
        try report.requireNoFailures()
        #expect(report.explored > 150)
    }

    @Test(arguments: ["xfs"])
    func `an inline volume comes and goes whole`(type: String) async throws {
        let target = "/scratch/pods/inline"
        let publish = Scenario.Step("publish inline") { (driver) async throws(RPCError) in
            _ = try await driver.call(
                CSIv1.Node.nodePublishVolume,
                .init(
                    volumeID: Requests.inlineHandle, targetPath: target, volumeCapability: Self.mount,
                    volumeContext: ["csi.storage.k8s.io/ephemeral": "true", "size": "1Mi"]))
        }
        let unpublish = Scenario.Step("unpublish inline") { (driver) async throws(RPCError) in
            _ = try await driver.call(
                CSIv1.Node.nodeUnpublishVolume, .init(volumeID: Requests.inlineHandle, targetPath: target))
        }
        let report = try await Self.explorer(type).explore(Scenario([publish, unpublish]))
        try report.requireNoFailures()
        #expect(report.explored > 60)
    }
}

@Suite("hostPath snapshots under callers that race")
struct TreeScheduleTests {
    private let explorer = ScheduleExplorer(host: Exploration.host("xfs"), driver: Exploration.driver)

    private static func step(
        _ name: String, tolerating tolerated: [RPCCode] = [],
        _ call: @escaping @Sendable (LocalDriver) async throws(RPCError) -> Void
    ) -> Scenario.Step {
        Scenario.Step(name) { (driver) async throws(RPCError) in
            do throws(RPCError) {
                try await call(driver)
            } catch {
                guard tolerated.contains(error.code) else { throw error }
            }
        }
    }

    @Test func `snapshots, groups and deletes of the same volumes end with nothing half made`() async throws {
        let mount = CSIv1.VolumeCapability(accessType: .mount(.init()), accessMode: .init(mode: .singleNodeWriter))
        let create = { (name: String, source: CSIv1.VolumeContentSource?) in
            Self.step("create \(name)", tolerating: [.notFound, .unavailable]) { (driver) async throws(RPCError) in
                _ = try await driver.call(
                    CSIv1.Controller.createVolume,
                    .init(
                        name: name, capacityRange: .init(requiredBytes: 1 << 20), volumeCapabilities: [mount],
                        volumeContentSource: source))
            }
        }
        let snapshot = Self.step("snapshot", tolerating: [.notFound, .cancelled]) { (driver) async throws(RPCError) in
            _ = try await driver.call(CSIv1.Controller.createSnapshot, .init(sourceVolumeID: "v", name: "s"))
        }
        let group = Self.step("group", tolerating: [.notFound]) { (driver) async throws(RPCError) in
            _ = try await driver.call(
                CSIv1.GroupController.createVolumeGroupSnapshot, .init(name: "g", sourceVolumeIDs: ["v", "w"]))
        }
        let deletes = [
            Self.step("delete snapshot") { (driver) async throws(RPCError) in
                _ = try await driver.call(CSIv1.Controller.deleteSnapshot, .init(snapshotID: "s"))
            },
            Self.step("delete group") { (driver) async throws(RPCError) in
                _ = try await driver.call(
                    CSIv1.GroupController.deleteVolumeGroupSnapshot, .init(groupSnapshotID: "g"))
            },
            Self.step("delete v", tolerating: [.failedPrecondition]) { (driver) async throws(RPCError) in
                _ = try await driver.call(CSIv1.Controller.deleteVolume, .init(volumeID: "v"))
            },
        ]
        let callers = [
            Scenario([create("v", nil), create("w", nil), snapshot, group]),
            Scenario([create("v", nil), snapshot, create("r", .init(type: .snapshot(.init(snapshotID: "s"))))]),
            Scenario(deletes),
        ]
        let report = await explorer.explore(callers, seeds: 0..<150) { host in
            let paths = host.paths(below: "/scratch/pool").map(\.string)
            if let partial = paths.first(where: { $0.hasSuffix(".partial") }) { return "\(partial) is left" }
            for directory in ["volumes", "snapshots"] {
                for path in paths
                where path.hasPrefix("/scratch/pool/\(directory)/") && path.split(separator: "/").count == 4 {
                    if !paths.contains(path + "/data") { return "\(path) has no content" }
                }
            }
            return paths.contains { $0.hasPrefix("/scratch/pool/.trash/") } ? "the trash is not empty" : nil
        }
        try report.requireNoFailures()
        #expect(report.explored == 150)
    }
}
