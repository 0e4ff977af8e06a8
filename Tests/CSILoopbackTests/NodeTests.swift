import CSIBlock
import CSIHost
import CSIPool
import CSIProto
import CSITestKit
import CSITransport
import SystemPackage
import Testing

@testable import CSICore
@testable import CSILoopback

@Suite("Loopback node, mounted volumes")
struct NodeTests {
    @Test("A volume's life leaves its data in the image and nothing else behind", arguments: Machine.available)
    func life(machine: Machine) async throws {
        try await Rig.with(machine) { rig in
            _ = try await rig.driver.create(Requests.create("v"))
            let node = try rig.secondDriver(role: .node)
            try await node.preflight()
            try await node.start()
            for round in 0..<2 {
                try await rig.stage("v")
                try await rig.stage("v")
                #expect(try await rig.devices().count == 1)
                let target = try await rig.publish("v")
                _ = try await rig.publish("v")
                #expect(try await rig.host.mounts.mountTable().entries(at: target).count == 1)
                let tree = try await rig.host.files.openDirectory(target)
                if round == 0 {
                    try await tree.writeFileDurably("file", [1, 2, 3])
                } else {
                    #expect(try await tree.readFile("file", limit: 10) == [1, 2, 3])
                }
                await expectRefusal(.failedPrecondition, naming: "/dev/loop") {
                    try await rig.driver.delete(Requests.delete("v"))
                }
                await expectRefusal(.failedPrecondition, naming: target.string) { try await rig.unstage("v") }
            }
            for _ in 0..<2 {
                try await rig.unpublish("v")
                try await rig.unstage("v")
            }
            #expect(try await rig.devices().isEmpty)
            try await rig.driver.delete(Requests.delete("v"))
        }
    }

    @Test("A device that holds anything is never formatted", arguments: Machine.available)
    func neverFormatted(machine: Machine) async throws {
        try await Rig.with(machine) { rig in
            _ = try await rig.driver.create(Requests.create("v", .block))
            // Written by somebody as raw bytes, and then asked for with a file system.
            try await rig.stage("v", .block)
            let device = try #require(try await rig.devices().first)
            _ = try await rig.host.fileSystems.make(
                .ext4, on: device.path, options: MakeOptions(), within: .seconds(60))
            let found = try await rig.host.fileSystems.probe(device.path)
            try await rig.unstage("v")
            _ = try await rig.driver.createSnapshot(Requests.snapshot("s", of: "v"))
            try await rig.driver.pool.addImage(
                VolumeRecord(
                    id: VolumeID("m"), name: VolumeName("m"), capacity: Requests.size, fingerprint: Fingerprint(),
                    content: .image, attributes: VolumeTraits(fileSystem: .ext4).attributes),
                from: ImageOrigin(.snapshot(SnapshotID("s"))))
            await expectRefusal(.failedPrecondition, naming: "not blank", "m") { try await rig.stage("m") }
            #expect(try await rig.devices().isEmpty)
            let image = rig.driver.pool.imagePath(of: try VolumeID("m"))
            #expect(try await rig.host.fileSystems.probe(image) == found)
        }
    }

    @Test("A file system other than the volume's own is neither mounted nor formatted", arguments: Machine.available)
    func anotherUUID(machine: Machine) async throws {
        try await Rig.with(machine) { rig in
            let id = try VolumeID("v")
            _ = try await rig.driver.create(Requests.create("v"))
            try await rig.stage("v")
            try await rig.unstage("v")
            let state = try #require(try await rig.driver.pool.formatState(of: id))
            guard case .done(let type, let uuid) = state else {
                Issue.record("\(state)")
                return
            }
            let other = (uuid.hasPrefix("0") ? "1" : "0") + uuid.dropFirst()
            for wrong in [FormatState.done(type: type, uuid: other), .done(type: "xfs", uuid: uuid)] {
                try await rig.driver.pool.setFormatState(wrong, of: id)
                await expectRefusal(.failedPrecondition, naming: uuid.dropFirst().description) {
                    try await rig.stage("v")
                }
            }
            // The note is gone: what the device holds is then unknown, and stays.
            try await rig.driver.pool.setFormatState(nil, of: id)
            await expectRefusal(.failedPrecondition, naming: "not blank") { try await rig.stage("v") }
            try await rig.driver.pool.setFormatState(state, of: id)
            try await rig.stage("v")
            try await rig.unstage("v")
        }
    }

    @Test("A note that cannot be read stops everything", arguments: ["", "swift-csi format 1\nstate done\n"])
    func tornNote(text: String) async throws {
        let fake = Rig.fake()
        let rig = try await Rig.on(fake)
        _ = try await rig.driver.create(Requests.create("v"))
        fake.addFile("/scratch/pool/volumes/v/format", Array(text.utf8))
        await expectRefusal(.failedPrecondition, naming: "format") { try await rig.stage("v") }
        #expect(fake.loopDevices.isEmpty)
    }

    @Test("What a pod writes to the end of its volume is not taken for what the volume holds")
    func foreignSignature() async throws {
        let fake = Rig.fake()
        let rig = try await Rig.on(fake)
        _ = try await rig.driver.create(Requests.create("v"))
        try await rig.stage("v")
        // An uberblock of ZFS, as in a disk image.
        let device = try #require(fake.loopDevices.first)
        let place = device.size / (256 << 10) * (256 << 10) - (128 << 10)
        #expect(fake.applicationWrites([0x0c, 0xb1, 0xba, 0, 0, 0, 0, 0], into: device.path, at: place))
        #expect(try await fake.fileSystems.probe(device.path).content == nil)
        try await rig.unstage("v")
        try await rig.stage("v")
        try await rig.unstage("v")
    }

    @Test("A damaged file system is not mounted")
    func damaged() async throws {
        let fake = Rig.fake()
        let rig = try await Rig.on(fake)
        _ = try await rig.driver.create(Requests.create("v"))
        try await rig.stage("v")
        try await rig.unstage("v")
        fake.script(program: "e2fsck", exit: 4, standardError: "UNEXPECTED INCONSISTENCY")
        await expectRefusal(.failedPrecondition, naming: "damaged", "INCONSISTENCY") { try await rig.stage("v") }
        #expect(fake.loopDevices.isEmpty)
        // The kernel's own word at the mount, which is the check of XFS and Btrfs.
        fake.fail(.mount, with: .damaged)
        await expectRefusal(.failedPrecondition, naming: "damaged") { try await rig.stage("v") }
        try await rig.stage("v")
    }

    @Test("Publish refuses what is not this volume's device", arguments: Machine.available)
    func wrongDevice(machine: Machine) async throws {
        try await Rig.with(machine) { rig in
            for id in ["v", "w"] { _ = try await rig.driver.create(Requests.create(id)) }
            await expectRefusal(.failedPrecondition, naming: "not staged") { _ = try await rig.publish("v") }
            try await rig.stage("w")
            let staging = try await rig.stagingPath("v")
            _ = try await rig.host.mounts.bindMount(
                source: rig.staging.appending("w"), at: staging, options: [])
            await expectRefusal(.failedPrecondition, naming: "not staged") { _ = try await rig.publish("v") }
            await expectRefusal(.alreadyExists, naming: "source") { try await rig.stage("v") }
            await expectRefusal(.failedPrecondition, naming: "left alone") { try await rig.unstage("v") }
            #expect(try await rig.host.files.metadata(of: rig.targets.appending("target")) == nil)
            _ = try await rig.host.mounts.unmount(staging, policy: .orderly())
            try await rig.unstage("w")
        }
    }

    @Test("After a reboot a publish without a stage is refused")
    func reboot() async throws {
        let fake = Rig.fake()
        var rig = try await Rig.on(fake)
        _ = try await rig.driver.create(Requests.create("v"))
        _ = try await rig.driver.create(Requests.create("b", .block))
        try await rig.stage("v")
        try await rig.stage("b", .block)
        fake.restart(after: .power)
        rig = try await Rig.on(fake)
        await expectRefusal(.failedPrecondition, naming: "not staged") { _ = try await rig.publish("v") }
        await expectRefusal(.failedPrecondition, naming: "not staged") { _ = try await rig.publish("b", "b", .block) }
        try await rig.stage("v")
        try await rig.stage("b", .block)
        _ = try await rig.publish("v")
        _ = try await rig.publish("b", "b", .block)
    }

    @Test("Other arguments at the same place are ALREADY_EXISTS", arguments: Machine.available)
    func conflicting(machine: Machine) async throws {
        try await Rig.with(machine) { rig in
            _ = try await rig.driver.create(Requests.create("v", Use(mode: .singleNodeMultiWriter)))
            let use = Use(mode: .singleNodeMultiWriter)
            try await rig.stage("v", use)
            await expectRefusal(.alreadyExists, naming: "mount_flags") {
                try await rig.stage("v", Use(mode: .singleNodeMultiWriter, flags: ["noexec"]))
            }
            await expectRefusal(.failedPrecondition, naming: "already") {
                try await rig.driver.stage(Requests.stage("v", at: try await rig.stagingPath("elsewhere"), use))
            }
            _ = try await rig.publish("v", "t", use)
            await expectRefusal(.alreadyExists, naming: "readonly") {
                _ = try await rig.publish("v", "t", use, readOnly: true)
            }
            await expectRefusal(.failedPrecondition, naming: "raw block") {
                _ = try await rig.publish("v", "t", .block)
            }
            let shown = try await rig.publish("v", "shown", use, readOnly: true)
            // In a closure, so that nothing holds the mount after it.
            let error = await #expect(throws: HostError.self) {
                try await rig.host.files.openDirectory(shown).writeFileDurably("file", [1])
            }
            #expect(error?.kind == .readOnlyFileSystem)
            for target in ["t", "shown"] { try await rig.unpublish("v", target) }
            try await rig.unstage("v")
        }
    }

    @Test("A single writer gets one target", arguments: Machine.available)
    func singleWriter(machine: Machine) async throws {
        try await Rig.with(machine) { rig in
            let use = Use(mode: .singleNodeSingleWriter)
            _ = try await rig.driver.create(Requests.create("v", use))
            try await rig.stage("v", use)
            _ = try await rig.publish("v", "first", use)
            await expectRefusal(.failedPrecondition, naming: "first", "one target") {
                _ = try await rig.publish("v", "second", use)
            }
            #expect(try await rig.host.files.metadata(of: rig.targets.appending("second")) == nil)
            try await rig.unpublish("v", "first")
            try await rig.unstage("v")
        }
    }

    @Test(
        "The root belongs to the group that is asked for, and what is below keeps its owners",
        arguments: Machine.available)
    func mountGroup(machine: Machine) async throws {
        try await Rig.with(machine) { rig in
            let use = Use(group: "4711")
            _ = try await rig.driver.create(Requests.create("v", use))
            await expectRefusal(.invalidArgument, naming: "volume_mount_group") {
                try await rig.stage("v", Use(group: "staff"))
            }
            #expect(try await rig.devices().isEmpty)
            try await rig.stage("v", use)
            let target = try await rig.publish("v", "t", use)
            let root = try await rig.host.files.metadata(of: target)
            #expect(root?.groupID == 4711)
            #expect(root?.permissions.isSuperset(of: [.groupReadWriteExecute, .setGroupID]) == true)
            try await rig.unpublish("v", "t")
            try await rig.unstage("v")
        }
    }

    @Test("Each pod's group gets the root, and one that only reads changes nothing", arguments: Machine.available)
    func laterMountGroup(machine: Machine) async throws {
        try await Rig.with(machine) { rig in
            func use(_ group: String) -> Use { Use(mode: .singleNodeMultiWriter, group: group) }
            _ = try await rig.driver.create(Requests.create("v", use("")))
            try await rig.stage("v", use("4711"))
            let first = try await rig.publish("v", "first", use("4711"))
            let second = try await rig.publish("v", "second", use("4712"))
            #expect(try await rig.host.files.metadata(of: second)?.groupID == 4712)
            #expect(try await rig.host.files.metadata(of: first)?.permissions.contains(.groupWrite) == true)
            let reader = try await rig.publish("v", "reader", use("4713"), readOnly: true)
            #expect(try await rig.host.files.metadata(of: reader)?.groupID == 4712)
            // What is published already stays as it is, as when the kubelet starts again.
            _ = try await rig.publish("v", "first", use("4711"))
            #expect(try await rig.host.files.metadata(of: second)?.groupID == 4712)
            for target in ["first", "second", "reader"] { try await rig.unpublish("v", target) }
            try await rig.unstage("v")
        }
    }

    @Test("A copy that the kernel does not mount beside its source is a precondition that is told")
    func btrfsCopy() async throws {
        let fake = Rig.fake()
        let rig = try await Rig.on(fake)
        let use = Use(fileSystem: "btrfs")
        _ = try await rig.driver.create(Requests.create("v", required: 256 << 20, use))
        fake.fail(.mount, with: .alreadyExists)
        await expectRefusal(.failedPrecondition, naming: "UUID", "6.7") { try await rig.stage("v", use) }
        #expect(fake.loopDevices.isEmpty)
        try await rig.stage("v", use)
    }

    @Test("A copy is mounted beside its source and grows to its own size", arguments: Machine.available)
    func copies(machine: Machine) async throws {
        try await Rig.with(machine) { rig in
            _ = try await rig.driver.create(Requests.create("v"))
            try await rig.stage("v")
            var target = try await rig.publish("v")
            try await rig.host.files.openDirectory(target).writeFileDurably("file", [7])
            try await rig.unpublish("v")
            try await rig.unstage("v")
            _ = try await rig.driver.createSnapshot(Requests.snapshot("s", of: "v"))
            try await rig.stage("v")
            _ = try await rig.driver.restore(
                Requests.create("r", required: 2 * Requests.size, source: Requests.from(snapshot: "s")),
                from: SnapshotID("s"))
            try await rig.stage("r")
            target = try await rig.publish("r", "r")
            #expect(try await rig.host.files.openDirectory(target).readFile("file", limit: 9) == [7])
            let look = try Requests.stats("r", at: target)
            #expect(try await rig.driver.stats(look).bytes.total > Requests.size * 3 / 2)
            #expect(try await settled { try await rig.driver.stats(look).condition } == .normal)
            try await rig.unpublish("r", "r")
            for id in ["r", "v"] { try await rig.unstage(id) }
        }
    }

    @Test("A device that is held, as by the mount of a driver that was killed, is ABORTED until it is let go")
    func heldDevice() async throws {
        let fake = Rig.fake()
        let rig = try await Rig.on(fake)
        _ = try await rig.driver.create(Requests.create("v"))
        try await rig.stage("v")
        // The next stage finds the device attached, and nothing mounted yet.
        _ = try await rig.host.mounts.unmount(try await rig.stagingPath("v"), policy: .orderly())
        let device = try #require(fake.loopDevices.first).path
        fake.setHolders(["dm-7"], of: device)
        await expectRefusal(.aborted, naming: "\"v\"", "held") { try await rig.stage("v") }
        fake.setHolders([], of: device)
        try await rig.stage("v")
        try await rig.unstage("v")
    }

    @Test("Writers are held back while a snapshot of a mounted volume is taken, and thaw whatever happens")
    func freezing() async throws {
        let fake = Rig.fake()
        let rig = try await Rig.on(fake)
        _ = try await rig.driver.create(Requests.create("v"))
        try await rig.stage("v")
        fake.clearEffects()
        _ = try await rig.driver.createSnapshot(Requests.snapshot("s", of: "v"))
        let order = fake.effects.map(\.operation).filter { [.freeze, .copyFile, .thaw].contains($0) }
        // Before it, what the pool can do is tried out.
        #expect(order == [.copyFile, .freeze, .copyFile, .thaw])
        fake.fail(.copyFile, with: .inputOutput)
        await #expect(throws: CSIError.self) {
            _ = try await rig.driver.createSnapshot(Requests.snapshot("t", of: "v"))
        }
        #expect(try await !fake.fileSystems.thaw("/scratch/staging/v"))
        // A copy that took longer than writers may be held back is thrown away.
        fake.fail(.thaw, with: .timedOut)
        await expectRefusal(.deadlineExceeded) {
            _ = try await rig.driver.createSnapshot(Requests.snapshot("t", of: "v"))
        }
        #expect(try await rig.driver.pool.snapshot(SnapshotID("t")) == nil)
        #expect(fake.metadata(of: "/scratch/pool/snapshots/t.partial") == nil)
    }

    @Test("Where blocks cannot be shared, a volume in use is not copied at all")
    func noSharing() async throws {
        let fake = Rig.fake(pool: "ext4")
        let rig = try await Rig.on(fake)
        _ = try await rig.driver.create(Requests.create("v"))
        try await rig.stage("v")
        await expectRefusal(.failedPrecondition, naming: "volume \"v\" is in use") {
            _ = try await rig.driver.createSnapshot(Requests.snapshot("s", of: "v"))
        }
        #expect(!fake.effects.contains { $0.operation == .freeze }, "its writers were held back for nothing")
        try await rig.unstage("v")
        _ = try await rig.driver.createSnapshot(Requests.snapshot("s", of: "v"))
    }

    @Test("Growing works on what is mounted, wherever it is asked for", arguments: [false, true])
    func expansion(isGrownByNode: Bool) async throws {
        let fake = Rig.fake()
        let rig = try await Rig.on(fake)
        let use = Use(fileSystem: "xfs", mode: .singleNodeMultiWriter)
        let size: Int64 = 512 << 20
        _ = try await rig.driver.create(Requests.create("v", required: size, use))
        try await rig.stage("v", use)
        let target = try await rig.publish("v", "t", use, readOnly: true)
        let node = try rig.secondDriver(role: .node)
        try await node.preflight()
        await expectRefusal(.failedPrecondition, naming: "controller first") {
            _ = try await node.expandOnNode(Requests.expandOnNode("v", at: target, to: 2 * size))
        }
        if isGrownByNode {
            // A controller without a pool said that the node does it.
            await expectRefusal(.notFound) {
                _ = try await rig.driver.expandOnNode(Requests.expandOnNode("v", at: rig.targets, to: 2 * size))
            }
            #expect(try await rig.driver.volume(VolumeID("v"))?.capacity == size)
            await expectRefusal(.outOfRange) {
                _ = try await rig.driver.expandOnNode(Requests.expandOnNode("v", at: target, to: 1 << 50))
            }
        } else {
            _ = try await rig.driver.expand(Requests.expand("v", to: 2 * size))
        }
        for path in [target, rig.staging.appending("v")] {
            #expect(try await rig.driver.expandOnNode(Requests.expandOnNode("v", at: path, to: 2 * size)) == 2 * size)
        }
        #expect(try await rig.driver.stats(Requests.stats("v", at: target)).bytes.total > size * 3 / 2)
        #expect(try await rig.driver.volume(VolumeID("v"))?.capacity == 2 * size)
        for (id, path) in [("v", rig.targets), ("x", target)] as [(String, FilePath)] {
            await expectRefusal(.notFound) {
                _ = try await rig.driver.expandOnNode(Requests.expandOnNode(id, at: path, to: size))
            }
        }
    }

    @Test("The condition tells what is wrong with a published volume")
    func conditions() async throws {
        let fake = Rig.fake(bytes: 1 << 30)
        let rig = try await Rig.on(fake)
        _ = try await rig.driver.create(Requests.create("v"))
        try await rig.stage("v")
        let target = try await rig.publish("v")
        let stats = try Requests.stats("v", at: target)
        #expect(try await rig.driver.stats(stats).condition == .normal)
        fake.setReadOnly(true, fileSystemOf: target)
        #expect(try await rig.driver.stats(stats).condition?.message.contains("read-only") == true)
        fake.setReadOnly(false, fileSystemOf: target)
        fake.setCapacity(of: "/scratch/pool", bytes: 8 << 20)
        #expect(try await rig.driver.stats(stats).condition?.message.contains("pool") == true)
        await expectRefusal(.notFound) { _ = try await rig.driver.stats(Requests.stats("v", at: rig.targets)) }
        await expectRefusal(.notFound) { _ = try await rig.driver.stats(Requests.stats("x", at: target)) }
    }

    @Test("The device of another pool's volume with the same id is left alone")
    func sameIdElsewhere() async throws {
        let fake = Rig.fake()
        let rig = try await Rig.on(fake)
        fake.addFile("/other.img", [UInt8](repeating: 0, count: 4096))
        _ = fake.anotherProgramAttaches("/other.img", name: "v")
        try await rig.unstage("v")
        #expect(fake.loopDevices.map(\.name) == ["v"])
        _ = try await rig.driver.create(Requests.create("v"))
        try await rig.stage("v")
        try await rig.unstage("v")
        try await rig.driver.delete(Requests.delete("v"))
        #expect(fake.loopDevices.map(\.backingPath) == ["/other.img"])
    }

    @Test("A start detaches what nothing stages, and nothing else")
    func leftovers() async throws {
        let fake = Rig.fake()
        var rig = try await Rig.on(fake)
        for id in ["staged", "lost"] { _ = try await rig.driver.create(Requests.create(id)) }
        _ = try await rig.driver.create(Requests.create("raw", .block))
        try await rig.stage("staged")
        try await rig.stage("raw", .block)
        _ = try await rig.driver.devices.attach(BlockVolume(id: VolumeID("lost")), isReadOnly: false)
        fake.addFile("/other.img", [UInt8](repeating: 0, count: 4096))
        _ = fake.anotherProgramAttaches("/other.img", name: "lost")
        #expect(fake.loopDevices.count == 4)
        fake.restart()
        rig = try await Rig.on(fake)
        #expect(fake.loopDevices.map(\.name) == ["staged", "raw", "lost"])
        #expect(fake.loopDevices.last?.backingPath == "/other.img")
        _ = try await rig.publish("raw", "raw", .block)
        _ = try await rig.publish("staged")
    }
}
