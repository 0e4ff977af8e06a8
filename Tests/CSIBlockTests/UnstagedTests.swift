import CSIHost
import CSIPool
import CSIProto
import CSITestKit
import CSITransport
import SystemPackage
import Testing

@testable import CSIBlock
@testable import CSICore

@Suite("Raw disks of drivers without a staging step")
struct UnstagedTests {
    private static func request(
        _ target: String, readOnly: Bool = false, mode: CSIv1.VolumeCapability.AccessMode.Mode = .singleNodeMultiWriter
    ) throws -> PublishVolume {
        try PublishVolume(
            validating: .init(
                volumeID: "v", targetPath: "/scratch/\(target)",
                volumeCapability: DiskRig.capability(isBlock: true, mode: mode), readonly: readOnly))
    }

    private static func end(_ target: String) throws -> UnpublishVolume {
        try UnpublishVolume(validating: .init(volumeID: "v", targetPath: "/scratch/\(target)"))
    }

    @Test("The device comes with the first target and goes with the last")
    func life() async throws {
        let rig = DiskRig()
        let volume = try DiskRig.volume(fileSystem: nil)
        let disk = try #require(rig.attach(after: .seconds(2)))
        for target in ["a", "b", "a"] { try await rig.node.publishUnstaged(Self.request(target), volume) }
        for target in ["a", "b"] {
            #expect(try await rig.fake.devices.device(at: FilePath("/scratch/\(target)"))?.number == disk.number)
        }
        await expectRefusal(.alreadyExists, naming: "readonly") {
            try await rig.node.publishUnstaged(Self.request("a", readOnly: true), volume)
        }
        await expectRefusal(.failedPrecondition, naming: "for all or for none") {
            try await rig.node.publishUnstaged(Self.request("c", readOnly: true), volume)
        }
        await expectRefusal(.failedPrecondition, naming: "one target") {
            try await rig.node.publishUnstaged(Self.request("c", mode: .singleNodeSingleWriter), volume)
        }
        for target in ["a", "a", "b", "b"] { try await rig.node.unpublishUnstaged(Self.end(target)) }
        #expect(rig.fake.mountTable.topmost(at: "/scratch/b") == nil)
        #expect(rig.fake.metadata(of: "/scratch/notes/v.device") == nil)
    }

    @Test("What a tool may take grows with the device")
    func toolLimit() {
        #expect(BlockNode.toolLimit(1 << 20) == .seconds(600))
        #expect(BlockNode.toolLimit(20 << 40) == .seconds(600 + 20 * 600))
    }

    @Test("A publish that fails leaves neither a target nor a note")
    func failed() async throws {
        let rig = DiskRig()
        let volume = try DiskRig.volume(fileSystem: nil)
        _ = rig.attach()
        rig.fake.fail(.bindMount, with: .noSpace)
        await #expect(throws: CSIError.self) { try await rig.node.publishUnstaged(Self.request("a"), volume) }
        #expect(rig.fake.metadata(of: "/scratch/a") == nil)
        try await rig.node.publishUnstaged(Self.request("a"), volume)
        await expectRefusal(.failedPrecondition, naming: "a mounted file system was asked for") {
            try await rig.node.publishUnstaged(
                PublishVolume(
                    validating: .init(
                        volumeID: "v", targetPath: "/scratch/b", volumeCapability: DiskRig.capability())), volume)
        }
    }
}
