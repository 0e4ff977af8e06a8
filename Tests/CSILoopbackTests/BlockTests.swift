import CSIHost
import CSIPool
import CSIProto
import CSITestKit
import CSITransport
import SystemPackage
import Testing

@testable import CSICore
@testable import CSILoopback

@Suite("Loopback node, raw block volumes")
struct BlockTests {
    @Test("A pod sees the device itself, never formatted", arguments: Machine.available)
    func life(machine: Machine) async throws {
        try await Rig.with(machine) { rig in
            _ = try await rig.driver.create(Requests.create("b", .block))
            for _ in 0..<2 { try await rig.stage("b", .block) }
            var target = rig.targets
            for _ in 0..<2 { target = try await rig.publish("b", "t", .block) }
            #expect(try await rig.host.devices.device(at: target)?.size == Requests.size)
            #expect(try await rig.host.fileSystems.probe(target) == .blank)
            let look = try Requests.stats("b", at: target)
            let stats = try await rig.driver.stats(look)
            #expect(stats.bytes.total == Requests.size && stats.inodes == nil)
            #expect(try await settled { try await rig.driver.stats(look).condition } == .normal)
            _ = try await rig.driver.expand(Requests.expand("b", to: 2 * Requests.size))
            #expect(
                try await rig.driver.expandOnNode(Requests.expandOnNode("b", at: target, to: 2 * Requests.size))
                    == 2 * Requests.size)
            #expect(try await rig.host.devices.device(at: target)?.size == 2 * Requests.size)
            await expectRefusal(.failedPrecondition, naming: target.string) { try await rig.unstage("b") }
            for _ in 0..<2 { try await rig.unpublish("b", "t") }
            for _ in 0..<2 { try await rig.unstage("b") }
            #expect(try await rig.devices().isEmpty)
            #expect(try await rig.driver.pool.formatState(of: VolumeID("b")) == nil)
        }
    }

    @Test("Reading only is the device's own, for all targets or for none", arguments: Machine.available)
    func readOnly(machine: Machine) async throws {
        try await Rig.with(machine) { rig in
            let use = Use(mode: .singleNodeMultiWriter, isBlock: true)
            _ = try await rig.driver.create(Requests.create("b", use))
            try await rig.stage("b", use)
            let target = try await rig.publish("b", "t", use, readOnly: true)
            #expect(try await rig.host.devices.device(at: target)?.isReadOnly == true)
            #expect(try await rig.devices().count == 1)
            await expectRefusal(.alreadyExists, naming: "readonly") { _ = try await rig.publish("b", "t", use) }
            await expectRefusal(.failedPrecondition, naming: "for all or for none") {
                _ = try await rig.publish("b", "u", use)
            }
            _ = try await rig.publish("b", "u", use, readOnly: true)
            for name in ["t", "u"] { try await rig.unpublish("b", name) }
            let writable = try await rig.publish("b", "t", use)
            #expect(try await rig.host.devices.device(at: writable)?.isReadOnly == false)
            try await rig.unpublish("b", "t")
            try await rig.unstage("b")
        }
    }

    @Test("A publish needs a stage at that path")
    func notStaged() async throws {
        let fake = Rig.fake()
        let rig = try await Rig.on(fake)
        for id in ["b", "c"] { _ = try await rig.driver.create(Requests.create(id, .block)) }
        await expectRefusal(.failedPrecondition, naming: "not staged") { _ = try await rig.publish("b", "t", .block) }
        try await rig.stage("b", .block)
        await expectRefusal(.failedPrecondition, naming: "already") {
            try await rig.driver.stage(Requests.stage("b", at: "/scratch/staging/other", .block))
        }
        await expectRefusal(.failedPrecondition, naming: "not staged") {
            try await rig.driver.publish(
                Requests.publish("b", at: "/scratch/pods/t", staged: "/scratch/staging/c", .block))
        }
        // The device went, and its number shows another volume now.
        let number = try #require(fake.loopDevices.first)
        fake.anotherProgramDetaches(number.path)
        try await rig.stage("c", .block)
        #expect(fake.loopDevices.map(\.path) == [number.path])
        await expectRefusal(.failedPrecondition, naming: "not staged") { _ = try await rig.publish("b", "t", .block) }
        #expect(fake.mountTable.topmost(at: "/scratch/pods/t") == nil)
    }

    @Test("A target whose device was taken away can be told and unpublished")
    func orphan() async throws {
        let fake = Rig.fake()
        let rig = try await Rig.on(fake)
        _ = try await rig.driver.create(Requests.create("b", .block))
        try await rig.stage("b", .block)
        let target = try await rig.publish("b", "t", .block)
        fake.anotherProgramDetaches(try #require(fake.loopDevices.first).path)
        try await rig.unpublish("b", "t")
        #expect(fake.mountTable.topmost(at: target) == nil)
        try await rig.unstage("b")
        try await rig.driver.delete(Requests.delete("b"))
    }

    @Test("An image that is locked, as by a device that cannot be seen from here, is neither deleted nor copied")
    func lockedImage() async throws {
        let fake = Rig.fake()
        let rig = try await Rig.on(fake)
        _ = try await rig.driver.create(Requests.create("b", .block))
        let lock = try await fake.files.openDirectory("/scratch/pool/volumes/b").lock("image")
        await expectRefusal(.failedPrecondition, naming: "\"b\"", "locked") {
            try await rig.driver.delete(Requests.delete("b"))
        }
        await expectRefusal(.failedPrecondition, naming: "\"b\"", "locked") {
            _ = try await rig.driver.createSnapshot(Requests.snapshot("s", of: "b"))
        }
        lock.release()
        _ = try await rig.driver.createSnapshot(Requests.snapshot("s", of: "b"))
        try await rig.driver.delete(Requests.delete("b"))
    }

    @Test("One volume that cannot be read keeps a start from nothing else")
    func unreadableVolume() async throws {
        let fake = Rig.fake()
        let rig = try await Rig.on(fake)
        for id in ["v", "w"] {
            _ = try await rig.driver.create(Requests.create(id, .block))
            let directory = try await fake.files.openDirectory(FilePath("/scratch/pool/volumes/\(id)"))
            _ = try await fake.loops.attach("image", in: directory, options: LoopOptions(name: id))
        }
        fake.damage("/scratch/pool/volumes/v/image")
        fake.restart()
        _ = try await Rig.on(fake)
        #expect(fake.loopDevices.map(\.name) == ["v"])
    }

    @Test("An image that another program attached is not shared with it", arguments: [1, 2])
    func foreign(count: Int) async throws {
        let fake = Rig.fake()
        let rig = try await Rig.on(fake)
        _ = try await rig.driver.create(Requests.create("b", .block))
        _ = try await rig.driver.create(Requests.create("m"))
        for id in ["b", "m"] {
            for _ in 0..<count { fake.anotherProgramAttaches(FilePath("/scratch/pool/volumes/\(id)/image")) }
            await expectRefusal(.failedPrecondition, naming: "another program") {
                try await rig.stage(id, Use(isBlock: id == "b"))
            }
            // What is not ours stays attached.
            let devices = fake.loopDevices.count
            try await rig.unstage(id)
            #expect(fake.loopDevices.count == devices)
            await expectRefusal(.failedPrecondition, naming: "/dev/loop") {
                try await rig.driver.delete(Requests.delete(id))
            }
        }
    }
}
