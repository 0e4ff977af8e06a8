import CSIHost
import CSIPool
import CSIProto
import CSITestKit
import CSITransport
import SystemPackage
import Testing

@testable import CSICore
@testable import CSIHostPath

@Suite("hostPath, copies of raw block volumes")
struct BlockSnapshotTests {
    private static let size: Int64 = 4 << 20
    private static let text: [UInt8] = Array("what was there".utf8)

    /// A published volume `b` with something on its device.
    private static func fill(_ rig: Rig, _ fake: FakeHost) async throws -> FilePath {
        _ = try await rig.driver.create(Requests.block("b"))
        let target = rig.targets.appending("b")
        try await rig.driver.publish(Requests.publishBlock("b", at: target))
        #expect(fake.applicationWrites(text, into: target, at: 8192))
        return target
    }

    private static func content(_ rig: Rig, _ fake: FakeHost, _ id: String) async throws -> [UInt8]? {
        let target = rig.targets.appending(id)
        try await rig.driver.publish(Requests.publishBlock(id, at: target))
        let content = fake.bytes(of: target, at: 8192, count: text.count)
        try await rig.driver.unpublish(Requests.unpublish(id, at: target))
        return content
    }

    @Test(arguments: SnapshotTests.types)
    func `a snapshot keeps what was there, and a restore brings it back, larger`(type: String) async throws {
        try await Rig.withQuotas(type) { rig, fake in
            let target = try await Self.fill(rig, fake)
            try await rig.driver.unpublish(Requests.unpublish("b", at: target))
            let snapshot = try await rig.driver.createSnapshot(Requests.snapshot("s", of: "b"))
            #expect(snapshot.isReady && snapshot.size == Self.size)
            #expect(try await rig.driver.createSnapshot(Requests.snapshot("s", of: "b")) == snapshot)
            try await rig.driver.publish(Requests.publishBlock("b", at: target))
            #expect(fake.applicationWrites(Array("later".utf8), into: target, at: 8192))
            try await rig.driver.unpublish(Requests.unpublish("b", at: target))
            let source = ContentSource.snapshot(snapshot.id)
            let restored = try await rig.driver.restore(
                Requests.block("r", required: 2 * Self.size, from: source), from: snapshot.id)
            #expect(restored.capacity == 2 * Self.size && restored.source == source)
            #expect(try await Self.content(rig, fake, "r") == Self.text)
            _ = try await rig.driver.clone(
                Requests.block("c", required: 1, from: .volume(VolumeID("r"))), from: VolumeID("r"))
            #expect(try await Self.content(rig, fake, "c") == Self.text)
            #expect(try await rig.driver.volume(VolumeID("c"))?.capacity == 2 * Self.size)
            #expect(
                await code {
                    try await rig.driver.restore(
                        Requests.block("e", required: 1, limit: Self.size - 1, from: source), from: snapshot.id)
                } == .outOfRange)
            try await rig.driver.deleteSnapshot(Requests.deleteSnapshot("s"))
            for id in ["b", "r", "c"] { try await rig.driver.delete(Requests.delete(id)) }
            #expect(fake.loopDevices.isEmpty)
            for place in ["volumes", "snapshots", ".trash"] as [FilePath] {
                let path = FilePath("/scratch/pool").pushing(place)
                #expect(fake.paths(below: path) == [path])
            }
        }
    }

    @Test func `a volume in use is copied with all that was written where blocks can be shared`() async throws {
        try await Rig.withQuotas("xfs") { rig, fake in
            _ = try await Self.fill(rig, fake)
            let snapshot = try await rig.driver.createSnapshot(Requests.snapshot("s", of: "b"))
            #expect(snapshot.isReady)
            _ = try await rig.driver.restore(
                Requests.block("r", from: .snapshot(snapshot.id)), from: snapshot.id)
            #expect(try await Self.content(rig, fake, "r") == Self.text)
            _ = try await rig.driver.clone(Requests.block("c", from: .volume(VolumeID("b"))), from: VolumeID("b"))
            #expect(try await Self.content(rig, fake, "c") == Self.text)
        }
    }

    @Test(arguments: SnapshotTests.types)
    func `an image that grew without its record is copied and restored as it is`(type: String) async throws {
        try await Rig.withQuotas(type) { rig, fake in
            _ = try await rig.driver.create(Requests.block("b"))
            fake.fail(.writeFile, at: "/scratch/pool/volumes/b/volume", with: .noSpace)
            #expect(
                await code { try await rig.driver.expand(Requests.expand("b", to: 2 * Self.size)) }
                    == .resourceExhausted)
            let snapshot = try await rig.driver.createSnapshot(Requests.snapshot("s", of: "b"))
            #expect(snapshot.isReady && snapshot.size == 2 * Self.size)
            let group = try await rig.driver.createGroupSnapshot(
                CreateGroupSnapshot(validating: .init(name: "g", sourceVolumeIDs: ["b"])))
            #expect(group.snapshots.map(\.size) == [2 * Self.size])
            let restored = try await rig.driver.restore(
                Requests.block("r", required: 1, from: .snapshot(snapshot.id)), from: snapshot.id)
            let clone = try await rig.driver.clone(
                Requests.block("c", required: 1, from: .volume(VolumeID("b"))), from: VolumeID("b"))
            #expect(restored.capacity == 2 * Self.size && clone.capacity == 2 * Self.size)
            let grown = try await rig.driver.expand(Requests.expand("b", to: Self.size + 4096))
            #expect(grown.capacity == Self.size + 4096)
        }
    }

    @Test func `a volume in use is not copied where that takes time`() async throws {
        try await Rig.withQuotas("ext4") { rig, fake in
            let target = try await Self.fill(rig, fake)
            let error = await #expect(throws: CSIError.self) {
                _ = try await rig.driver.createSnapshot(Requests.snapshot("s", of: "b"))
            }
            #expect(error?.code == .failedPrecondition && error?.message.contains("unpublish it first") == true)
            #expect(fake.paths(below: "/scratch/pool/snapshots") == ["/scratch/pool/snapshots"])
            #expect(
                await code {
                    try await rig.driver.clone(
                        Requests.block("c", from: .volume(VolumeID("b"))), from: VolumeID("b"))
                } == .failedPrecondition)
            #expect(fake.metadata(of: "/scratch/pool/volumes/c") == nil)
            try await rig.driver.unpublish(Requests.unpublish("b", at: target))
            #expect(try await rig.driver.createSnapshot(Requests.snapshot("s", of: "b")).isReady)
        }
    }

    @Test func `a copy that fails says why, and leaves nothing`() async throws {
        try await Rig.withQuotas("ext4") { rig, fake in
            _ = try await rig.driver.create(Requests.block("b"))
            // The first try asks for shared blocks, which there are none of.
            fake.fail(.copyFile, with: .noSpace)
            #expect(
                await code { try await rig.driver.createSnapshot(Requests.snapshot("s", of: "b")) }
                    == .resourceExhausted)
            #expect(fake.paths(below: "/scratch/pool/snapshots") == ["/scratch/pool/snapshots"])
            #expect(try await rig.driver.createSnapshot(Requests.snapshot("s", of: "b")).isReady)
        }
    }

    @Test(arguments: SnapshotTests.types)
    func `what is of one kind does not become the other`(type: String) async throws {
        try await Rig.withQuotas(type) { rig, fake in
            _ = try await rig.driver.create(Requests.block("b"))
            _ = try await rig.driver.create(Requests.create("d"))
            for id in ["b", "d"] { _ = try await rig.driver.createSnapshot(Requests.snapshot("s-\(id)", of: id)) }
            for (made, source) in [
                ("x", ContentSource.snapshot(try SnapshotID("s-b"))), ("y", .volume(try VolumeID("b"))),
            ] {
                let error = await #expect(throws: CSIError.self) {
                    let request = try Requests.filled(made, from: source, required: Self.size)
                    switch source {
                    case .snapshot(let id): _ = try await rig.driver.restore(request, from: id)
                    case .volume(let id): _ = try await rig.driver.clone(request, from: id)
                    }
                }
                #expect(error?.code == .invalidArgument && error?.message.contains("raw block device") == true)
                #expect(fake.metadata(of: FilePath("/scratch/pool/volumes/\(made)")) == nil)
            }
            let error = await #expect(throws: CSIError.self) {
                let source = try SnapshotID("s-d")
                _ = try await rig.driver.restore(Requests.block("z", from: .snapshot(source)), from: source)
            }
            #expect(error?.code == .invalidArgument && error?.message.contains("volume with files") == true)
        }
    }

    @Test(arguments: SnapshotTests.types)
    func `a group has devices and directories, and a restart knows them`(type: String) async throws {
        try await Rig.withQuotas(type) { rig, fake in
            let target = try await Self.fill(rig, fake)
            if type == "ext4" { try await rig.driver.unpublish(Requests.unpublish("b", at: target)) }
            _ = try await rig.driver.create(Requests.create("d"))
            #expect(fake.applicationWrites("/scratch/pool/volumes/d/data/file", [1]))
            let request = try CreateGroupSnapshot(validating: .init(name: "g", sourceVolumeIDs: ["b", "d"]))
            let group = try await rig.driver.createGroupSnapshot(request)
            #expect(try await rig.driver.createGroupSnapshot(request) == group)
            #expect(Set(group.snapshots.map(\.source.rawValue)) == ["b", "d"])
            fake.restart()
            let second = try rig.secondDriver(role: .all)
            try await second.preflight()
            try await second.start()
            #expect(try await second.groupSnapshot(group.id) == group)
            let device = try #require(group.snapshots.first { $0.source.rawValue == "b" })
            _ = try await second.restore(Requests.block("r", from: .snapshot(device.id)), from: device.id)
            #expect(fake.bytes(of: "/scratch/pool/volumes/r/image", at: 8192, count: Self.text.count) == Self.text)
            try await second.deleteGroupSnapshot(DeleteGroupSnapshot(validating: .init(groupSnapshotID: "g")))
            #expect(fake.paths(below: "/scratch/pool/groups") == ["/scratch/pool/groups"])
        }
    }

    @Test func `a snapshot's blocks count against the room`() async throws {
        try await Rig.withQuotas("ext4", policy: PoolPolicy(reserve: .bytes(0))) { rig, fake in
            let target = try await Self.fill(rig, fake)
            #expect(fake.applicationWrites([UInt8](repeating: 1, count: 3 << 20), into: target, at: 0))
            try await rig.driver.unpublish(Requests.unpublish("b", at: target))
            let before = try await rig.driver.capacity(GetCapacity(validating: .init())).available
            _ = try await rig.driver.createSnapshot(Requests.snapshot("s", of: "b"))
            let after = try await rig.driver.capacity(GetCapacity(validating: .init())).available
            #expect(before - after >= 3 << 20 && before - after < 4 << 20)
            try await rig.driver.deleteSnapshot(Requests.deleteSnapshot("s"))
            #expect(try await rig.driver.capacity(GetCapacity(validating: .init())).available == before)
        }
    }
}

extension Requests {
    static func blockCapability(
        _ mode: CSIv1.VolumeCapability.AccessMode.Mode = .singleNodeMultiWriter
    ) -> CSIv1.VolumeCapability {
        .init(accessType: .block(.init()), accessMode: .init(mode: mode))
    }

    static func block(
        _ name: String, required: Int64 = 4 << 20, limit: Int64 = 0, from source: ContentSource? = nil,
        parameters: ProtoMap<String, String> = [:], mutable: ProtoMap<String, String> = [:]
    ) throws -> CreateVolume {
        let wire: CSIv1.VolumeContentSource? =
            switch source {
            case nil: nil
            case .snapshot(let id)?: .init(type: .snapshot(.init(snapshotID: id.rawValue)))
            case .volume(let id)?: .init(type: .volume(.init(volumeID: id.rawValue)))
            }
        return try CreateVolume(
            validating: .init(
                name: name, capacityRange: .init(requiredBytes: required, limitBytes: limit),
                volumeCapabilities: [blockCapability()], parameters: parameters, volumeContentSource: wire,
                mutableParameters: mutable))
    }

    static func publishBlock(
        _ id: String, at target: FilePath, readOnly: Bool = false,
        mode: CSIv1.VolumeCapability.AccessMode.Mode = .singleNodeMultiWriter
    ) throws -> PublishVolume {
        try PublishVolume(
            validating: .init(
                volumeID: id, targetPath: target.string, volumeCapability: blockCapability(mode), readonly: readOnly))
    }
}
