import CSICore
import CSIHost
import CSIProto
import CSITestKit
import CSITransport
import Logging
import SystemPackage
import Testing

@testable import CSIHostPath

/// The machine and the driver of explorations.
enum Exploration {
    @Sendable static func host() -> FakeHost {
        let host = FakeHost()
        host.addFileSystem(at: "/scratch", bytes: 1 << 30, inodes: 1 << 20)
        host.addDirectory("/scratch/pool")
        host.addDirectory("/scratch/pods")
        return host
    }

    /// A machine whose pool holds sizes.
    static func host(_ type: String) -> @Sendable () -> FakeHost {
        {
            let host = FakeHost()
            host.addFileSystem(at: "/scratch", type: type, bytes: 1 << 30, inodes: 1 << 20)
            host.setQuotas(.enforcing, fileSystemOf: "/scratch")
            host.addDirectory("/scratch/pool")
            host.addDirectory("/scratch/pods")
            return host
        }
    }

    @Sendable static func driver(_ host: FakeHost) throws -> any CSIDriver {
        HostPathDriver(
            configuration: try HostPathConfiguration(
                info: PluginInfo(name: "hostpath.swift-csi.dev", version: "1"), nodeID: NodeID("node-1"),
                pool: "/scratch/pool"),
            role: .all, host: host, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    }
}

@Suite("hostPath survives a crash at any moment")
struct CrashTests {
    @Test("Every crash point of a volume's life")
    func lifecycle() async throws {
        let explorer = CrashExplorer(host: Exploration.host, driver: Exploration.driver)
        let report = try await explorer.explore(.fullLifecycle(targets: "/scratch/pods"))
        try report.requireNoFailures()
        // Create and delete alone make more than ten changes, each tried at three moments and with two kinds of crash.
        #expect(report.explored > 70)
    }

    @Test(
        "Every crash point with a size that holds: no project and no limit is left over", arguments: ["xfs", "btrfs"])
    func quotas(type: String) async throws {
        let explorer = CrashExplorer(host: Exploration.host(type), driver: Exploration.driver)
        let volume = "explored-volume"
        let mount = CSIv1.VolumeCapability(accessType: .mount(.init()), accessMode: .init(mode: .singleNodeWriter))
        let inodes: ProtoMap<String, String> = type == "xfs" ? ["inodeLimit": "100"] : [:]
        let steps = [
            Scenario.Step("create") { (driver) async throws(RPCError) in
                _ = try await driver.call(
                    CSIv1.Controller.createVolume,
                    .init(
                        name: volume, capacityRange: .init(requiredBytes: 1 << 20), volumeCapabilities: [mount],
                        parameters: ["uid": "1000", "mode": "0750"], mutableParameters: inodes))
            },
            Scenario.Step("expand") { (driver) async throws(RPCError) in
                _ = try await driver.call(
                    CSIv1.Controller.controllerExpandVolume,
                    .init(volumeID: volume, capacityRange: .init(requiredBytes: 4 << 20)))
            },
            Scenario.Step("modify") { (driver) async throws(RPCError) in
                _ = try await driver.call(
                    CSIv1.Controller.controllerModifyVolume,
                    .init(
                        volumeID: volume,
                        mutableParameters: type == "xfs" ? ["inodeLimit": "200"] : ["onDelete": "delete"]))
            },
            Scenario.Step("delete") { (driver) async throws(RPCError) in
                _ = try await driver.call(CSIv1.Controller.deleteVolume, .init(volumeID: volume))
            },
        ]
        // A limit without a tree is one that nobody will ever take away.
        let scenario = Scenario(steps)
        let report = try await explorer.explore(scenario)
        try report.requireNoFailures()
        #expect(report.explored > 70)
    }

    @Test("The explorer finds a driver that forgets to clean up")
    func findsFaults() async throws {
        let explorer = CrashExplorer(host: Exploration.host, driver: { host in try Forgetful(host: host) })
        let report = try await explorer.explore(.fullLifecycle(targets: "/scratch/pods"))
        #expect(!report.failures.isEmpty)
    }

    /// The same driver without its start: what a crash leaves behind stays.
    private struct Forgetful: VolumeProvisioning, VolumePublishing {
        let driver: HostPathDriver

        init(host: FakeHost) throws {
            driver = try #require(try Exploration.driver(host) as? HostPathDriver)
        }

        var info: PluginInfo { driver.info }
        var support: VolumeSupport { driver.support }
        var nodeID: NodeID { driver.nodeID }

        func preflight() async throws(CSIError) { try await driver.preflight() }
        func create(_ request: CreateVolume) async throws(CSIError) -> Volume { try await driver.create(request) }
        func delete(_ request: DeleteVolume) async throws(CSIError) { try await driver.delete(request) }
        func volume(_ id: VolumeID) async throws(CSIError) -> Volume? { try await driver.volume(id) }
        func publish(_ request: PublishVolume) async throws(CSIError) { try await driver.publish(request) }
        func unpublish(_ request: UnpublishVolume) async throws(CSIError) { try await driver.unpublish(request) }
        func stats(_ request: GetVolumeStats) async throws(CSIError) -> VolumeStats { try await driver.stats(request) }
    }
}
