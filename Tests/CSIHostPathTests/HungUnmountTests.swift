import CSIHost
import CSIProto
import CSITestKit
import CSITransport
import SystemPackage
import Testing

@testable import CSICore

@Suite("hostPath with an unmount that hangs")
struct HungUnmountTests {
    private let host = Exploration.host()
    private let capability = CSIv1.VolumeCapability(
        accessType: .mount(.init()), accessMode: .init(mode: .singleNodeWriter))

    private func target(_ volume: String) -> FilePath { FilePath("/scratch/pods").appending(volume) }

    private func publish(_ volume: String, _ driver: LocalDriver) async throws(RPCError) {
        _ = try await driver.call(
            CSIv1.Node.nodePublishVolume,
            .init(volumeID: volume, targetPath: target(volume).string, volumeCapability: capability))
    }

    private func unpublish(_ volume: String, _ driver: LocalDriver) async throws(RPCError) {
        _ = try await driver.call(
            CSIv1.Node.nodeUnpublishVolume, .init(volumeID: volume, targetPath: target(volume).string))
    }

    /// A driver with published volumes, the unmount of the first of which hangs in a task.
    private func withHungUnmount(
        _ body: (LocalDriver, Task<RPCCode, Never>) async throws -> Void
    ) async throws {
        let driver = LocalDriver(try Exploration.driver(host))
        try await driver.start()
        for volume in ["hung", "other"] {
            _ = try await driver.call(
                CSIv1.Controller.createVolume,
                .init(
                    name: volume, capacityRange: .init(requiredBytes: 1 << 20), volumeCapabilities: [capability]))
            try await publish(volume, driver)
        }
        host.hang(.unmount, at: target("hung"))
        let task = Task { () -> RPCCode in
            do throws(RPCError) {
                try await unpublish("hung", driver)
                return .ok
            } catch {
                return error.code
            }
        }
        while host.hungCalls.isEmpty || host.manualClock.sleeperCount == 0 { await Task.yield() }
        try await body(driver, task)
    }

    @Test
    func `one hung volume delays no other, and its own calls are ABORTED`() async throws {
        try await withHungUnmount { driver, task in
            try await unpublish("other", driver)
            try await publish("other", driver)
            _ = try await driver.call(CSIv1.Identity.probe, .init())
            do throws(RPCError) {
                try await publish("hung", driver)
                Issue.record("a call for the volume whose unmount hangs went through")
            } catch {
                #expect(error.code == .aborted)
                #expect(error.message.contains("hung"))
            }
            #expect(host.hungCalls.map(\.path) == [target("hung")])
            host.release(.unmount, at: target("hung"))
            #expect(await task.value == .ok)
            #expect(host.mountTable.topmost(at: target("hung")) == nil)
            #expect(host.mountTable.topmost(at: target("other")) != nil)
        }
    }

    @Test
    func `at the deadline the mount is detached and the volume is free again`() async throws {
        try await withHungUnmount { driver, task in
            host.manualClock.advance(by: .seconds(60))
            #expect(await task.value == .ok)
            #expect(host.mountTable.topmost(at: target("hung")) == nil)
            host.release(.unmount, at: target("hung"))
            try await publish("hung", driver)
        }
    }

    @Test
    func `a driver that is killed meanwhile starts again and finishes`() async throws {
        try await withHungUnmount { _, task in
            host.restart()
            #expect(await task.value != .ok)
            host.release(.unmount, at: target("hung"))
            let successor = LocalDriver(try Exploration.driver(host))
            try await successor.start()
            try await unpublish("hung", successor)
            #expect(host.mountTable.topmost(at: target("hung")) == nil)
        }
    }
}
