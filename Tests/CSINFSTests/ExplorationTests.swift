import CSICore
import CSIHost
import CSIProto
import CSITestKit
import CSITransport
import Glibc
import Logging
import SystemPackage
import Testing

@testable import CSINFS

@Suite("NFS does what callers expect")
struct ConformanceTests {
    @Test("Every row of the conformance suite")
    func rows() async throws {
        let fake = try Rig.host()
        var configuration = ConformanceConfiguration()
        configuration.volumeSize = 1 << 30
        configuration.parameters = Rig.parameters
        configuration.otherParameters = ["server": "nfs.example", "share": "/export", "mountPermissions": "0770"]
        configuration.stagingDirectory = "/scratch/staging"
        configuration.targetDirectory = "/scratch/pods"
        configuration.repeats = 2
        configuration.callTimeout = .seconds(20)
        configuration.site = FakeSite(fake)
        let report = try await Conformance(of: Rig.driver(fake), on: fake, configuration: configuration).run()
        #expect(report.failed.isEmpty, "\(report.text(including: [.failed]))")
        #expect(report.passed.count > 60)
        let left = fake.paths(below: "/servers/one").map(\.string).filter {
            !$0.hasPrefix("/servers/one/.swift-csi") && $0 != "/servers/one"
        }
        #expect(left.isEmpty)
        #expect(fake.paths(below: "/servers/one/.swift-csi/volumes").count == 1)
    }
}

@Suite("NFS survives a crash at any moment")
struct CrashTests {
    private static let volume = "nfs.example#export#v##"
    private static let capability = Rig.capability()

    private let explorer = CrashExplorer(
        host: { (try? Rig.host()) ?? FakeHost() }, driver: { host in try Rig.driver(host) })

    private static func create(_ name: String, _ source: CSIv1.VolumeContentSource? = nil) -> Scenario.Step {
        Scenario.Step("create \(name)") { (driver) async throws(RPCError) in
            _ = try await driver.call(
                CSIv1.Controller.createVolume,
                .init(
                    name: name, volumeCapabilities: [capability], parameters: Rig.parameters,
                    volumeContentSource: source))
        }
    }

    private static func delete(_ id: String) -> Scenario.Step {
        Scenario.Step("delete \(id)") { (driver) async throws(RPCError) in
            _ = try await driver.call(CSIv1.Controller.deleteVolume, .init(volumeID: id))
        }
    }

    @Test("Create, stage, publish, unpublish, unstage, delete")
    func life() async throws {
        let report = try await explorer.explore(
            Scenario([
                Self.create("v"),
                Scenario.Step("stage") { (driver) async throws(RPCError) in
                    _ = try await driver.call(
                        CSIv1.Node.nodeStageVolume,
                        .init(
                            volumeID: Self.volume, stagingTargetPath: "/scratch/staging/v",
                            volumeCapability: Self.capability))
                },
                Scenario.Step("publish") { (driver) async throws(RPCError) in
                    _ = try await driver.call(
                        CSIv1.Node.nodePublishVolume,
                        .init(
                            volumeID: Self.volume, stagingTargetPath: "/scratch/staging/v",
                            targetPath: "/scratch/pods/p",
                            volumeCapability: Self.capability))
                },
                Scenario.Step("unpublish") { (driver) async throws(RPCError) in
                    _ = try await driver.call(
                        CSIv1.Node.nodeUnpublishVolume, .init(volumeID: Self.volume, targetPath: "/scratch/pods/p"))
                },
                Scenario.Step("unstage") { (driver) async throws(RPCError) in
                    _ = try await driver.call(
                        CSIv1.Node.nodeUnstageVolume,
                        .init(volumeID: Self.volume, stagingTargetPath: "/scratch/staging/v"))
                },
                Self.delete(Self.volume),
            ]))
        try report.requireNoFailures()
        #expect(report.explored > 40)
    }

    @Test("Deletion of volumes with content")
    func deletion() async throws {
        let host: @Sendable () -> FakeHost = {
            let fake = (try? Rig.host()) ?? FakeHost()
            fake.addFile("/servers/one/old/dir/file", [1])
            fake.addFile("/servers/one/.swift-csi/trash/old/file", [2])
            return fake
        }
        let report = try await CrashExplorer(host: host, driver: { host in try Rig.driver(host) }).explore(
            Scenario([Self.delete("nfs.example#export#old##")]))
        try report.requireNoFailures()
        #expect(report.explored > 8)
    }

    @Test("Clone, snapshot and restore")
    func copies() async throws {
        let snapshot = "nfs.example#export#s#s#v"
        let report = try await explorer.explore(
            Scenario([
                Self.create("v"),
                Self.create("c", .init(type: .volume(.init(volumeID: Self.volume)))),
                Scenario.Step("snapshot") { (driver) async throws(RPCError) in
                    _ = try await driver.call(
                        CSIv1.Controller.createSnapshot, .init(sourceVolumeID: Self.volume, name: "s"))
                },
                Self.create("r", .init(type: .snapshot(.init(snapshotID: snapshot)))),
                Scenario.Step("delete snapshot") { (driver) async throws(RPCError) in
                    _ = try await driver.call(CSIv1.Controller.deleteSnapshot, .init(snapshotID: snapshot))
                },
                Self.delete("nfs.example#export#c##"), Self.delete("nfs.example#export#r##"), Self.delete(Self.volume),
            ]))
        try report.requireNoFailures()
        #expect(report.explored > 60)
    }
}
