import CSIHost
import CSIPool
import CSIProto
import CSITestKit
import CSITransport
import SystemPackage
import Testing

@testable import CSICore
@testable import CSILoopback

@Suite("Loopback node, new file systems")
struct FormatTests {
    @Test("mkfs that was killed starts over with an erased image", arguments: ["thin", "thick"])
    func interruptedFormat(provisioning: String) async throws {
        let fake = Rig.fake()
        let rig = try await Rig.on(fake)
        _ = try await rig.driver.create(Requests.create("v", parameters: ["provisioning": provisioning]))
        let allocated = fake.metadata(of: "/scratch/pool/volumes/v/image")?.allocatedBytes
        fake.fail(.makeFileSystem, with: .timedOut)
        await expectRefusal(.deadlineExceeded) { try await rig.stage("v") }
        #expect(fake.loopDevices.isEmpty)
        #expect(try await rig.driver.pool.formatState(of: VolumeID("v")) == .started(type: "ext4"))
        try await rig.stage("v")
        guard case .done = try await rig.driver.pool.formatState(of: VolumeID("v")) else {
            Issue.record("not formatted")
            return
        }
        if provisioning == "thick" {
            #expect(fake.metadata(of: "/scratch/pool/volumes/v/image")?.allocatedBytes == allocated)
        }
    }

    @Test("A new volume gets its file system before its image is attached, and an attached one as it is")
    func formattedInTheImage() async throws {
        let fake = Rig.fake()
        let rig = try await Rig.on(fake)
        _ = try await rig.driver.create(Requests.create("v"))
        try await rig.stage("v")
        let steps = { fake.effects.filter { [.attachLoop, .makeFileSystem, .mount].contains($0.operation) } }
        #expect(steps().map(\.operation) == [.makeFileSystem, .attachLoop, .mount])
        #expect(steps().first?.path == "/scratch/pool/volumes/v/image")

        // Only the device knows whether such blocks fit it, and only there a volume keeps its room.
        let others: [(String, ProtoMap<String, String>)] = [
            ("w", ["mkfsOptions": "-b 4096"]), ("t", ["provisioning": "thick"]),
        ]
        for (id, parameters) in others {
            let before = steps().count
            _ = try await rig.driver.create(Requests.create(id, parameters: parameters))
            try await rig.stage(id)
            #expect(steps().dropFirst(before).map(\.operation) == [.attachLoop, .makeFileSystem, .mount])
        }
    }

    @Test("What an interrupted mkfs left is erased, attached meanwhile or not", arguments: [false, true])
    func interruptedAndAttached(isAttached: Bool) async throws {
        let fake = Rig.fake()
        let rig = try await Rig.on(fake)
        let image = FilePath("/scratch/pool/volumes/v/image")
        _ = try await rig.driver.create(Requests.create("v"))
        fake.fail(.makeFileSystem, with: .timedOut)
        await expectRefusal(.deadlineExceeded) { try await rig.stage("v") }
        #expect(fake.applicationWrites([1, 2, 3], into: image, at: 20 << 20))
        #expect(fake.applicationWrites([1, 2, 3], into: image, at: 96 << 10))
        if isAttached { _ = fake.anotherProgramAttaches(image, name: "v") }
        if !isAttached {
            // Whoever has it where this node cannot see it, or an mkfs that does not die.
            let (file, tree) = try rig.driver.pool.imageFile(of: VolumeID("v"))
            let lock = try await tree.lock(file)
            await expectRefusal(.failedPrecondition, naming: "locked") { try await rig.stage("v") }
            #expect(fake.bytes(of: image, at: 20 << 20, count: 3) == [1, 2, 3])
            lock.release()
        }
        try await rig.stage("v")
        #expect(fake.bytes(of: image, at: 20 << 20, count: 3) == [0, 0, 0])
        guard case .done = try await rig.driver.pool.formatState(of: VolumeID("v")) else {
            Issue.record("not formatted")
            return
        }
    }

    @Test("An mkfs that finds no room in the pool gives back what it has taken")
    func noRoom() async throws {
        let fake = Rig.fake()
        let rig = try await Rig.on(fake)
        let image = FilePath("/scratch/pool/volumes/v/image")
        _ = try await rig.driver.create(Requests.create("v"))
        #expect(fake.applicationWrites([1, 2, 3], into: image, at: 20 << 20))
        fake.fail(.makeFileSystem, with: .noSpace)
        await expectRefusal(.resourceExhausted) { try await rig.stage("v") }
        #expect(fake.metadata(of: image)?.allocatedBytes == 0)
        #expect(fake.loopDevices.isEmpty)
        try await rig.stage("v")
    }

    @Test("Somebody else's bytes that appear after the first look are left alone, for ever")
    func raceWithWriter() async throws {
        let fake = Rig.fake()
        let rig = try await Rig.on(fake)
        _ = try await rig.driver.create(Requests.create("v"))
        fake.fail(.makeFileSystem, with: .notBlank)
        await #expect(throws: CSIError.self) { try await rig.stage("v") }
        #expect(try await rig.driver.pool.formatState(of: VolumeID("v")) == nil)
    }
}
