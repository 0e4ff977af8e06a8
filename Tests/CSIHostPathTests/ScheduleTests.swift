import CSICore
import CSIHost
import CSIProto
import CSITestKit
import CSITransport
import SystemPackage
import Testing

@testable import CSIHostPath

@Suite("hostPath under callers that race")
struct ScheduleTests {
    private let explorer = ScheduleExplorer(host: Exploration.host, driver: Exploration.driver)

    private static func capability(
        _ mode: CSIv1.VolumeCapability.AccessMode.Mode = .singleNodeMultiWriter
    ) -> CSIv1.VolumeCapability {
        .init(accessType: .mount(.init()), accessMode: .init(mode: mode))
    }

    private static func create(
        _ mode: CSIv1.VolumeCapability.AccessMode.Mode = .singleNodeMultiWriter
    ) -> Scenario.Step {
        Scenario.Step("create") { (driver) async throws(RPCError) in
            _ = try await driver.call(
                CSIv1.Controller.createVolume,
                .init(name: "v", capacityRange: .init(requiredBytes: 1), volumeCapabilities: [capability(mode)]))
        }
    }

    private static let delete = Scenario.Step("delete") { (driver) async throws(RPCError) in
        _ = try await driver.call(CSIv1.Controller.deleteVolume, .init(volumeID: "v"))
    }

    private static func unpublish(_ name: String) -> Scenario.Step {
        Scenario.Step("unpublish \(name)") { (driver) async throws(RPCError) in
            _ = try await driver.call(
                CSIv1.Node.nodeUnpublishVolume, .init(volumeID: "v", targetPath: "/scratch/pods/\(name)"))
        }
    }

    /// - Parameter tolerated: A refusal that is a right answer in this race.
    private static func publish(
        _ name: String, mode: CSIv1.VolumeCapability.AccessMode.Mode = .singleNodeMultiWriter,
        tolerating tolerated: RPCCode? = nil
    ) -> Scenario.Step {
        Scenario.Step("publish \(name)") { (driver) async throws(RPCError) in
            do throws(RPCError) {
                _ = try await driver.call(
                    CSIv1.Node.nodePublishVolume,
                    .init(volumeID: "v", targetPath: "/scratch/pods/\(name)", volumeCapability: capability(mode)))
            } catch {
                guard error.code == tolerated else { throw error }
            }
        }
    }

    @Test("Two pods on one volume end with nothing mounted and one whole volume")
    func twoPods() async throws {
        let callers = ["a", "b"].map { name in
            Scenario([Self.create(), Self.publish(name), Self.unpublish(name)])
        }
        let report = await explorer.explore(callers, seeds: 0..<150) { host in
            if !host.paths(below: "/scratch/pods").filter({ $0 != "/scratch/pods" }).isEmpty {
                return "a target is left"
            }
            let volumes = host.paths(below: "/scratch/pool").map(\.string)
            return volumes.contains("/scratch/pool/volumes/v/data") && !volumes.contains { $0.hasSuffix(".partial") }
                ? nil : "\(volumes)"
        }
        try report.requireNoFailures()
        #expect(report.explored == 150)
    }

    @Test("Callers that create and delete the same volume end with none")
    func createAndDelete() async throws {
        let caller = Scenario([Self.create(), Self.delete])
        let report = await explorer.explore([caller, caller, caller], seeds: 0..<150) { host in
            let left = host.paths(below: "/scratch/pool/volumes") + host.paths(below: "/scratch/pool/.trash")
            return left == ["/scratch/pool/volumes", "/scratch/pool/.trash"] ? nil : "\(left)"
        }
        try report.requireNoFailures()
    }

    @Test("A single-writer volume never has two targets, however its publishers race")
    func singleWriter() async throws {
        let callers = ["a", "b"].map { name in
            Scenario([
                Self.create(.singleNodeSingleWriter),
                Self.publish(name, mode: .singleNodeSingleWriter, tolerating: .failedPrecondition),
            ]) { host in
                let targets = ["/scratch/pods/a", "/scratch/pods/b"] as [FilePath]
                return targets.allSatisfy { host.mountTable.topmost(at: $0) != nil } ? "both targets are mounted" : nil
            }
        }
        let report = await explorer.explore(callers, seeds: 0..<150) { host in
            let targets = ["/scratch/pods/a", "/scratch/pods/b"] as [FilePath]
            return targets.filter { host.mountTable.topmost(at: $0) != nil }.count == 1 ? nil : "not exactly one target"
        }
        try report.requireNoFailures()
    }

    @Test("The same seed gives the same schedule")
    func replayable() async throws {
        for seed in [3, 42] as [UInt64] {
            var runs: [[String]] = []
            for _ in 0..<2 {
                let seen = Seen()
                let callers = ["a", "b"].map { name in Scenario([Self.create(), Self.publish(name)]) }
                let report = await explorer.explore(callers, seeds: seed..<seed + 1) { host in
                    seen.note(host.effects.map(\.description))
                    return nil
                }
                try report.requireNoFailures()
                runs.append(seen.effects)
            }
            #expect(!runs[0].isEmpty)
            #expect(runs[0].map(Self.withoutRandomNames) == runs[1].map(Self.withoutRandomNames))
        }
    }

    private static func withoutRandomNames(_ effect: String) -> String {
        String(effect.prefix { $0 != "." })
    }

    private final class Seen: @unchecked Sendable {
        // Written by one schedule at a time, and read after it.
        private(set) var effects: [String] = []

        func note(_ effects: [String]) { self.effects = effects }
    }
}
