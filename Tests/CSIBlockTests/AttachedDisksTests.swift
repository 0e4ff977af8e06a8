import CSIHost
import CSIPool
import CSIProto
import CSITestKit
import CSITransport
import Logging
import SystemPackage
import Testing

@testable import CSIBlock
@testable import CSICore

/// A machine to which a controller attaches disks.
struct DiskRig {
    static let size: Int64 = 64 << 20
    static let staging: FilePath = "/scratch/staging"
    static let target: FilePath = "/scratch/target"
    static let link: FilePath = "/dev/disk/by-id/example-v"

    let fake: FakeHost
    let node: BlockNode

    init(_ fake: FakeHost = DiskRig.machine()) {
        self.fake = fake
        let notes = NodeNotes(path: "/scratch/notes", host: fake)
        node = BlockNode(
            devices: AttachedDisks(notes: notes, host: fake, within: .seconds(30)), formats: nil, staging: notes,
            host: fake, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    }

    static func machine() -> FakeHost {
        let fake = FakeHost()
        fake.addFileSystem(at: "/scratch", type: "ext4", bytes: 1 << 30, inodes: 1 << 16)
        fake.addDirectory(staging)
        return fake
    }

    func attach(after delay: Duration = .zero, size: Int64 = size, isReadOnly: Bool = false) -> BlockDevice? {
        fake.addBlockDevice("sdb", size: size, isReadOnly: isReadOnly, serial: "v", links: [Self.link], after: delay)
    }

    static func volume(
        _ origin: BlockVolume.Origin = .empty, fileSystem: FileSystemKind? = .ext4, capacity: Int64 = size
    ) throws -> BlockVolume {
        BlockVolume(
            id: try VolumeID("v"), fileSystem: fileSystem, capacity: capacity, origin: origin, selector: .path(link))
    }

    static func capability(
        isBlock: Bool = false, type: String = "", flags: [String] = [],
        mode: CSIv1.VolumeCapability.AccessMode.Mode = .singleNodeWriter
    ) -> CSIv1.VolumeCapability {
        .init(
            accessType: isBlock ? .block(.init()) : .mount(.init(fsType: type, mountFlags: flags)),
            accessMode: .init(mode: mode))
    }

    func stage(_ volume: BlockVolume, _ capability: CSIv1.VolumeCapability = capability()) async throws {
        let request = try StageVolume(
            validating: .init(
                volumeID: "v", stagingTargetPath: Self.staging.string, volumeCapability: capability))
        try await node.stage(request, volume)
    }

    func publish(
        _ volume: BlockVolume, _ capability: CSIv1.VolumeCapability = capability(), readOnly: Bool = false
    ) async throws {
        let request = try PublishVolume(
            validating: .init(
                volumeID: "v", stagingTargetPath: Self.staging.string, targetPath: Self.target.string,
                volumeCapability: capability, readonly: readOnly))
        try await node.publish(request, volume)
    }

    func unpublish() async throws {
        try await node.unpublish(UnpublishVolume(validating: .init(volumeID: "v", targetPath: Self.target.string)))
    }

    func unstage() async throws {
        try await node.unstage(
            UnstageVolume(validating: .init(volumeID: "v", stagingTargetPath: Self.staging.string)))
    }

    func stats() async throws -> VolumeStats {
        try await node.stats(
            GetVolumeStats(validating: .init(volumeID: "v", volumePath: Self.target.string)),
            BlockVolume(id: VolumeID("v")))
    }
}

/// Expects a refusal with a code and words in its message.
func expectRefusal(
    _ code: RPCCode, naming words: String..., sourceLocation: SourceLocation = #_sourceLocation,
    _ body: () async throws -> Void
) async {
    let error = await #expect(throws: CSIError.self, sourceLocation: sourceLocation) { try await body() }
    #expect(error?.code == code, "\(error?.description ?? "")", sourceLocation: sourceLocation)
    for word in words {
        #expect(
            error?.message.contains(word) == true, "\(word) in \(error?.message ?? "")", sourceLocation: sourceLocation)
    }
}

@Suite("Disks that a controller attaches")
struct AttachedDisksTests {
    @Test("A disk that comes late is formatted once, and keeps its data when it goes and comes back")
    func life() async throws {
        let rig = DiskRig()
        let volume = try DiskRig.volume()
        let disk = try #require(rig.attach(after: .seconds(20)))
        for _ in 0..<2 { try await rig.stage(volume) }
        for _ in 0..<2 { try await rig.publish(volume) }
        try await rig.fake.files.openDirectory(DiskRig.target).writeFileDurably("file", [1, 2, 3])
        #expect(try await rig.stats().condition == .normal)
        await expectRefusal(.failedPrecondition, naming: "published") { try await rig.unstage() }
        for _ in 0..<2 { try await rig.unpublish() }
        for _ in 0..<2 { try await rig.unstage() }
        #expect(rig.fake.mountTable.topmost(at: DiskRig.staging) == nil)
        #expect(try await rig.fake.fileSystems.probe(disk.path).content?.type == "ext4")
        // The volume's origin is not what keeps it from being formatted again: its content is.
        for origin in [BlockVolume.Origin.empty, .copy, .unknown] {
            try await rig.stage(DiskRig.volume(origin))
            try await rig.publish(volume)
            #expect(try await rig.fake.files.openDirectory(DiskRig.target).readFile("file", limit: 9) == [1, 2, 3])
            try await rig.unpublish()
            try await rig.unstage()
        }
    }

    @Test(
        "A blank disk is formatted only where the volume was made empty",
        arguments: [BlockVolume.Origin.copy, .unknown])
    func blank(origin: BlockVolume.Origin) async throws {
        let rig = DiskRig()
        let disk = try #require(rig.attach())
        await expectRefusal(.failedPrecondition, naming: "blank", "not formatted") {
            try await rig.stage(DiskRig.volume(origin))
        }
        #expect(try await rig.fake.fileSystems.probe(disk.path) == .blank)
        await expectRefusal(.failedPrecondition, naming: "reading only") {
            try await rig.stage(DiskRig.volume(), DiskRig.capability(mode: .singleNodeReaderOnly))
        }
        #expect(try await rig.fake.fileSystems.probe(disk.path) == .blank)
    }

    @Test("What a disk holds is neither formatted nor mounted as something else", arguments: ["xfs", "bytes"])
    func foreign(content: String) async throws {
        let rig = DiskRig()
        let disk = try #require(rig.attach(size: 512 << 20))
        if content == "xfs" {
            _ = try await rig.fake.fileSystems.make(.xfs, on: disk.path, options: MakeOptions(), within: .seconds(9))
        } else {
            #expect(rig.fake.applicationWrites([1], into: disk.path, at: 4711))
        }
        let found = try await rig.fake.fileSystems.probe(disk.path)
        await expectRefusal(.failedPrecondition, naming: "neither mounted nor formatted") {
            try await rig.stage(DiskRig.volume())
        }
        #expect(try await rig.fake.fileSystems.probe(disk.path) == found)
        #expect(rig.fake.mountTable.topmost(at: DiskRig.staging) == nil)
    }

    @Test("A disk that does not come, or is smaller than its volume, is refused")
    func missing() async throws {
        let rig = DiskRig()
        await expectRefusal(.deadlineExceeded, naming: "by-id") { try await rig.stage(DiskRig.volume()) }
        let disk = try #require(rig.attach(size: DiskRig.size / 2))
        await expectRefusal(.failedPrecondition, naming: "\(DiskRig.size / 2)", "\(DiskRig.size)") {
            try await rig.stage(DiskRig.volume())
        }
        #expect(try await rig.fake.fileSystems.probe(disk.path) == .blank)
        await expectRefusal(.failedPrecondition, naming: "not staged") { try await rig.publish(DiskRig.volume()) }
    }

    @Test("A disk that vanishes is told in the condition, and its mounts can be taken away")
    func vanished() async throws {
        let rig = DiskRig()
        let volume = try DiskRig.volume()
        let disk = try #require(rig.attach())
        try await rig.stage(volume)
        try await rig.publish(volume)
        rig.fake.removeBlockDevice(disk.path)
        #expect(try await rig.stats().condition?.isAbnormal == true)
        try await rig.unpublish()
        await expectRefusal(.failedPrecondition, naming: "not staged") { try await rig.publish(volume) }
        try await rig.unstage()
        #expect(rig.fake.mountTable.topmost(at: DiskRig.staging) == nil)
        #expect(rig.fake.mountTable.topmost(at: DiskRig.target) == nil)
    }

    @Test("Another disk under the same link is not the one that is staged")
    func replaced() async throws {
        let rig = DiskRig()
        let volume = try DiskRig.volume()
        let first = try #require(rig.attach())
        try await rig.stage(volume)
        try await rig.publish(volume)
        try await rig.unpublish()
        rig.fake.removeBlockDevice(first.path)
        _ = rig.fake.addBlockDevice("sdc", size: DiskRig.size, serial: "v", links: [DiskRig.link])
        await expectRefusal(.failedPrecondition, naming: "not staged") { try await rig.publish(volume) }
        await expectRefusal(.alreadyExists, naming: "source") { try await rig.stage(volume) }
        try await rig.unstage()
        try await rig.stage(volume)
        try await rig.publish(volume)
    }

    @Test("A raw disk is what a pod sees, and the kernel refuses to write to it where it is published read-only")
    func raw() async throws {
        let rig = DiskRig()
        let volume = try DiskRig.volume(fileSystem: nil)
        let use = DiskRig.capability(isBlock: true)
        let disk = try #require(rig.attach())
        for _ in 0..<2 { try await rig.stage(volume, use) }
        await expectRefusal(.alreadyExists, naming: "access_type") { try await rig.stage(DiskRig.volume()) }
        for _ in 0..<2 { try await rig.publish(volume, use, readOnly: true) }
        #expect(try await rig.fake.devices.device(at: DiskRig.target)?.isReadOnly == true)
        await expectRefusal(.alreadyExists, naming: "readonly") { try await rig.publish(volume, use) }
        try await rig.unpublish()
        for _ in 0..<2 { try await rig.publish(volume, use) }
        #expect(try await rig.fake.devices.device(at: DiskRig.target)?.isReadOnly == false)
        #expect(try await rig.fake.devices.device(at: DiskRig.target)?.number == disk.number)
        #expect(try await rig.stats().bytes.total == DiskRig.size)
        let grown = try ExpandVolumeOnNode(
            validating: .init(
                volumeID: "v", volumePath: DiskRig.target.string, capacityRange: .init(requiredBytes: DiskRig.size)))
        #expect(try await rig.node.expand(grown, BlockVolume(id: VolumeID("v"))) == DiskRig.size)
        #expect(try await rig.fake.fileSystems.probe(disk.path) == .blank)
        for _ in 0..<2 { try await rig.unpublish() }
        for _ in 0..<2 { try await rig.unstage() }
        await expectRefusal(.failedPrecondition, naming: "not staged") { try await rig.publish(volume, use) }
        try await rig.stage(volume, use)
        try await rig.publish(volume, use, readOnly: true)
        try await rig.unpublish()
        try await rig.unstage()
        #expect(try await rig.fake.devices.device(at: disk.path)?.isReadOnly == false)
    }

    @Test(
        "A stage that differs from what is staged is refused",
        arguments: [
            (DiskRig.capability(isBlock: true), "access_type"), (DiskRig.capability(type: "xfs"), "fs_type"),
            (DiskRig.capability(flags: ["noexec"]), "mount_flags"),
            (DiskRig.capability(flags: ["sync"]), "mount_flags"),
            (DiskRig.capability(mode: .singleNodeReaderOnly), "access_mode"),
        ])
    func stagedOtherwise(capability: CSIv1.VolumeCapability, field: String) async throws {
        let rig = DiskRig()
        _ = rig.attach()
        try await rig.stage(DiskRig.volume())
        let wanted = try BlockVolume.fileSystem(
            for: VolumeCapability(validating: capability, field: "volume_capability"))
        await expectRefusal(.alreadyExists, naming: field) {
            try await rig.stage(DiskRig.volume(fileSystem: wanted), capability)
        }
    }
}
