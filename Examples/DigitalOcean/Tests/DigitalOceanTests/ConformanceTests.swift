import CSICore
import CSIProto
import CSITestKit
import CSITransport
import FakeDigitalOcean
import Synchronization
import SystemPackage
import Testing

@testable import DigitalOcean

@Suite("What every driver is held to")
struct ConformanceTests {
    @Test("does what callers expect, row by row", arguments: ConformanceConfiguration.AccessType.allCases)
    func conforms(accessType: ConformanceConfiguration.AccessType) async throws {
        let rig = try await Rig(dropletLimit: 3)
        var configuration = ConformanceConfiguration()
        configuration.accessType = accessType
        configuration.volumeSize = 1 << 30
        configuration.secondNodeID = "2"
        configuration.testsAttachLimit = true
        configuration.repeats = 2
        let driver = try Rig.driver(on: rig.host, FakeTransport(cloud: rig.cloud), limit: 3)
        let report = try await Conformance(of: driver, on: rig.host, configuration: configuration).check()
        #expect(report.passed.count > 250, "\(report.summary)")
        #expect(rig.cloud.summary == [])
    }

    @Test("survives a crash around each change, on the machine and in the cloud", arguments: [false, true])
    func survivesCrashes(block: Bool) async throws {
        let explorer = CrashExplorer(
            host: Exploration.machine, driver: Exploration.driver,
            elsewhere: { Exploration.cloud(of: $0)?.summary ?? [] })
        let report = try await explorer.explore(Exploration.life(block: block))
        try report.requireNoFailures()
        #expect(report.explored > 100, "\(report.explored)")
    }
}

/// The machine, the driver and the calls of an exploration.
enum Exploration {
    @Sendable static func machine() -> FakeHost {
        let host = Rig.machine()
        host.companion = FakeCloud(machines: HostMachines([1: host]), now: { host.manualClock.now })
        return host
    }

    static func cloud(of host: FakeHost) -> FakeCloud? { host.companion as? FakeCloud }

    @Sendable static func driver(_ host: FakeHost) throws -> any CSIDriver {
        guard let cloud = cloud(of: host) else { throw TestFailure(what: "the machine has no cloud") }
        return try Rig.driver(on: host, ExploredTransport(base: FakeTransport(cloud: cloud), host: host))
    }

    /// What a caller learnt on the way.
    private final class Memory: Sendable {
        private let state = Mutex<(volume: CSIv1.Volume, context: ProtoMap<String, String>, snapshot: String)>(
            (.init(), [:], ""))

        var volume: CSIv1.Volume {
            get { state.withLock { $0.volume } }
            set { state.withLock { $0.volume = newValue } }
        }
        var context: ProtoMap<String, String> {
            get { state.withLock { $0.context } }
            set { state.withLock { $0.context = newValue } }
        }
        var snapshot: String {
            get { state.withLock { $0.snapshot } }
            set { state.withLock { $0.snapshot = newValue } }
        }
    }

    static func life(block: Bool) -> Scenario {
        let memory = Memory()
        let capability = Rig.capability(block: block)
        func step(_ name: String, _ call: @escaping @Sendable (LocalDriver) async throws(RPCError) -> Void)
            -> Scenario.Step
        {
            Scenario.Step(name, call: call)
        }
        return Scenario([
            step("create") { (driver) async throws(RPCError) in
                let reply = try await driver.call(
                    CSIv1.Controller.createVolume,
                    .init(
                        name: "pvc-1", capacityRange: .init(requiredBytes: 1 << 30), volumeCapabilities: [capability]))
                memory.volume = reply.volume ?? .init()
            },
            step("attach") { (driver) async throws(RPCError) in
                memory.context = try await driver.call(
                    CSIv1.Controller.controllerPublishVolume,
                    .init(volumeID: memory.volume.volumeID, nodeID: "1", volumeCapability: capability)
                ).publishContext
            },
            step("stage") { (driver) async throws(RPCError) in
                _ = try await driver.call(
                    CSIv1.Node.nodeStageVolume,
                    .init(
                        volumeID: memory.volume.volumeID, publishContext: memory.context,
                        stagingTargetPath: Rig.staging, volumeCapability: capability,
                        volumeContext: memory.volume.volumeContext))
            },
            step("publish") { (driver) async throws(RPCError) in
                _ = try await driver.call(
                    CSIv1.Node.nodePublishVolume,
                    .init(
                        volumeID: memory.volume.volumeID, publishContext: memory.context,
                        stagingTargetPath: Rig.staging, targetPath: Rig.target, volumeCapability: capability,
                        volumeContext: memory.volume.volumeContext))
            },
            step("snapshot") { (driver) async throws(RPCError) in
                memory.snapshot =
                    try await driver.call(
                        CSIv1.Controller.createSnapshot, .init(sourceVolumeID: memory.volume.volumeID, name: "s")
                    ).snapshot?.snapshotID ?? ""
            },
            step("expand") { (driver) async throws(RPCError) in
                _ = try await driver.call(
                    CSIv1.Controller.controllerExpandVolume,
                    .init(volumeID: memory.volume.volumeID, capacityRange: .init(requiredBytes: 2 << 30)))
                // One step with the above: a volume that is staged anew grows by itself.
                _ = try await driver.call(
                    CSIv1.Node.nodeExpandVolume,
                    .init(volumeID: memory.volume.volumeID, volumePath: Rig.target))
            },
            step("unpublish") { (driver) async throws(RPCError) in
                _ = try await driver.call(
                    CSIv1.Node.nodeUnpublishVolume, .init(volumeID: memory.volume.volumeID, targetPath: Rig.target))
            },
            step("unstage") { (driver) async throws(RPCError) in
                _ = try await driver.call(
                    CSIv1.Node.nodeUnstageVolume,
                    .init(volumeID: memory.volume.volumeID, stagingTargetPath: Rig.staging))
            },
            step("detach") { (driver) async throws(RPCError) in
                _ = try await driver.call(
                    CSIv1.Controller.controllerUnpublishVolume, .init(volumeID: memory.volume.volumeID, nodeID: "1"))
            },
            step("delete the snapshot") { (driver) async throws(RPCError) in
                _ = try await driver.call(CSIv1.Controller.deleteSnapshot, .init(snapshotID: memory.snapshot))
            },
            step("delete") { (driver) async throws(RPCError) in
                _ = try await driver.call(
                    CSIv1.Controller.deleteVolume, .init(volumeID: memory.volume.volumeID))
            },
        ])
    }
}
