import CSIBlock
import CSIHost
import CSITestKit
import SystemPackage
import Testing

@testable import CSICore
@testable import CSILoopback

/// The kernel no longer shows the path of this pool for what a container attached that is gone.
@Suite("Devices that a former container attached")
struct FormerContainerTests {
    enum Image: String, CaseIterable, CustomTestStringConvertible {
        case kept, removed, replaced

        var testDescription: String { "image \(rawValue)" }
    }

    private static func image(_ id: String) -> FilePath { FilePath("/scratch/pool/volumes/\(id)/image") }

    /// Staged and published by a container in which only the pool was mounted, and that is gone.
    private static func rig(_ fake: FakeHost, _ use: Use) async throws -> Rig {
        let rig = try await Rig.on(fake)
        _ = try await rig.driver.create(Requests.create("v", use))
        try await rig.stage("v", use)
        _ = try await rig.publish("v", "t", use)
        fake.endNamespace(attaching: try #require(fake.loopDevices.first).path, where: "/scratch/pool")
        fake.restart()
        #expect(fake.loopDevices.map(\.backingPath) == ["/volumes/v/image"])
        return try await Rig.on(fake)
    }

    private static func change(_ image: Image, _ id: String, in fake: FakeHost) async throws {
        guard image != .kept else { return }
        let folder = try await fake.files.openDirectory(Self.image(id).removingLastComponent())
        try await folder.removeFile("image")
        guard image == .replaced else { return }
        try await folder.createFile(
            "image", size: Requests.size, allocation: .sparse, permissions: [.ownerReadWrite])
    }

    @Test(
        "They can be unpublished and unstaged, whatever became of the image",
        arguments: Image.allCases, [Use(), Use(fileSystem: "btrfs"), .block])
    func ends(image: Image, use: Use) async throws {
        let fake = Rig.fake()
        let rig = try await Self.rig(fake, use)
        try await Self.change(image, "v", in: fake)
        try await rig.unpublish("v", "t")
        try await rig.unstage("v")
        #expect(fake.loopDevices.isEmpty)
        #expect(fake.mountTable.topmost(at: "/scratch/staging/v") == nil)
        try await rig.driver.delete(Requests.delete("v"))
    }

    @Test("They are counted, and found again without a look at all devices")
    func counted() async throws {
        let fake = Rig.fake()
        let rig = try await Self.rig(fake, Use())
        func value(_ name: String, _ labels: String...) async throws -> Double? {
            try await rig.driver.figures().first { $0.metric.name == name && $0.labels == labels }?.value
        }
        #expect(try await value("csi_loop_devices", "used") == 1)
        #expect(try await value("csi_loop_devices", "unused") == 0)
        #expect(try await value("csi_volume_mounts", "normal") == 2)
        let stats = try Requests.stats("v", at: "/scratch/pods/t")
        #expect(try await rig.driver.stats(stats).condition == .normal)
        fake.clearEffects()
        #expect(try await rig.driver.stats(stats).condition == .normal)
        #expect(!fake.effects.contains { $0.operation == .listLoops && $0.path == "/sys/block" })
        try await Self.change(.removed, "v", in: fake)
        #expect(try await value("csi_volume_mounts", "abnormal") == 2)
    }

    @Test("A start detaches one that nothing stages")
    func leftover() async throws {
        let fake = Rig.fake()
        let rig = try await Rig.on(fake)
        _ = try await rig.driver.create(Requests.create("v"))
        _ = try await rig.driver.devices.attach(BlockVolume(id: VolumeID("v")), isReadOnly: false)
        fake.endNamespace(attaching: try #require(fake.loopDevices.first).path, where: "/scratch/pool")
        try await Self.change(.removed, "v", in: fake)
        fake.restart()
        _ = try await Rig.on(fake)
        #expect(fake.loopDevices.isEmpty)
    }

    @Test("The device of a volume of the same id in another pool of the file system stays", arguments: Image.allCases)
    func anotherPool(image: Image) async throws {
        let fake = Rig.fake()
        let rig = try await Rig.on(fake)
        _ = try await rig.driver.create(Requests.create("v"))
        fake.addDirectory("/scratch/other/volumes/v")
        fake.addFile("/scratch/other/volumes/v/image", [UInt8](repeating: 0, count: 4096))
        let other = try #require(fake.anotherProgramAttaches("/scratch/other/volumes/v/image", name: "v"))
        fake.endNamespace(attaching: other.path, where: "/scratch/other")
        #expect(fake.loopDevices.map(\.backingPath) == ["/volumes/v/image"])
        try await Self.change(image, "v", in: fake)
        try await rig.unstage("v")
        #expect(fake.loopDevices.map(\.device) == [other.device])
    }
}
