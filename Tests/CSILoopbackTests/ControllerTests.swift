import CSIHost
import CSIPool
import CSIProto
import CSITestKit
import CSITransport
import SystemPackage
import Testing

@testable import CSICore
@testable import CSILoopback

@Suite("Loopback controller")
struct ControllerTests {
    @Test("Creating again gives the same volume, and an image of exactly its size", arguments: Machine.available)
    func idempotent(machine: Machine) async throws {
        try await Rig.with(machine) { rig in
            let request = try Requests.create("v")
            let first = try await rig.driver.create(request)
            #expect(first.capacity == Requests.size)
            #expect(first.accessibleTopology == [rig.driver.topology])
            #expect(try await rig.driver.create(request) == first)
            let image = try await rig.host.files.metadata(of: rig.pool.pushing("volumes/v/image"))
            #expect(image?.size == Requests.size)
            #expect(image?.permissions == FilePermissions(rawValue: 0o600))
            #expect(try await rig.driver.create(Requests.create("v", required: 1)) == first)
        }
    }

    @Test("Another request for the same name is ALREADY_EXISTS and names what differs", arguments: Machine.available)
    func conflicting(machine: Machine) async throws {
        try await Rig.with(machine) { rig in
            _ = try await rig.driver.create(Requests.create("v", limit: Requests.size))
            let others: [(CreateVolume, String)] = [
                (try Requests.create("v", required: 2 * Requests.size), "capacity_range"),
                (try Requests.create("v", Use(mode: .singleNodeMultiWriter)), "volume_capabilities"),
                (try Requests.create("v", .block), "volume_capabilities"),
                (try Requests.create("v", parameters: ["provisioning": "thick"]), "provisioning"),
                (try Requests.create("v", parameters: ["csi.storage.k8s.io/fstype": "xfs"]), "file system"),
            ]
            for (request, field) in others {
                await expectRefusal(.alreadyExists, naming: field) { _ = try await rig.driver.create(request) }
            }
        }
    }

    @Test("What cannot be provided is refused with the code that says so", arguments: Machine.available)
    func refusals(machine: Machine) async throws {
        try await Rig.with(machine) { rig in
            let elsewhere = CSIv1.TopologyRequirement(
                requisite: [.init(segments: ["topology.loopback.swift-csi.dev/node": "node-2"])])
            let cases: [(CreateVolume, RPCCode, String)] = [
                (try Requests.create("v", required: 1 << 50), .outOfRange, "bytes"),
                (try Requests.create("v", required: 4097, limit: 5000, .block), .outOfRange, "4096"),
                (try Requests.create("v", required: 1, limit: 100 << 20, Use(fileSystem: "xfs")), .outOfRange, "xfs"),
                (try Requests.create("v", parameters: ["pol": "x"]), .invalidArgument, "parameters[\"pol\"]"),
                (try Requests.create("v", parameters: ["provisioning": "fat"]), .invalidArgument, "provisioning"),
                (try Requests.create("v", parameters: ["fsFreeze": "yes"]), .invalidArgument, "fsFreeze"),
                (try Requests.create("v", parameters: ["mkfsOptions": "-F"]), .invalidArgument, "mkfsOptions"),
                (
                    try Requests.create("v", .block, parameters: ["mkfsOptions": "-m 0"]), .invalidArgument,
                    "mkfsOptions"
                ),
                (try Requests.create("v", Use(flags: ["norecovery"])), .invalidArgument, "norecovery"),
                (try Requests.create("v", Use(mode: .singleNodeReaderOnly)), .invalidArgument, "write"),
                (
                    try Requests.create(
                        "v", Use(fileSystem: "xfs"), parameters: ["csi.storage.k8s.io/fstype": "btrfs"]),
                    .invalidArgument, "btrfs"
                ),
                (try Requests.create("v", topology: elsewhere), .resourceExhausted, "node-1"),
            ]
            for (request, code, text) in cases {
                await expectRefusal(code, naming: text) { _ = try await rig.driver.create(request) }
            }
            #expect(try await rig.driver.volume(VolumeID("v")) == nil)
            let missing = Requests.from(snapshot: "missing")
            await expectRefusal(.notFound, naming: "missing") {
                _ = try await rig.driver.restore(Requests.create("v", source: missing), from: SnapshotID("missing"))
            }
            await expectRefusal(.notFound, naming: "missing") {
                _ = try await rig.driver.clone(
                    Requests.create("v", source: Requests.from(volume: "missing")), from: VolumeID("missing"))
            }
        }
    }

    @Test("Promises are kept: thin ones too, and those of snapshots, until they are taken back")
    func promises() async throws {
        let fake = Rig.fake(bytes: 1 << 30)
        let rig = try await Rig.on(fake)
        let available = try await rig.driver.capacity(GetCapacity(validating: .init())).available
        _ = try await rig.driver.create(Requests.create("a", required: 512 << 20))
        let afterThin = try await rig.driver.capacity(GetCapacity(validating: .init()))
        #expect(available - afterThin.available >= 512 << 20)
        #expect(afterThin.smallestVolume == 16 << 20)
        await expectRefusal(.resourceExhausted, naming: "bytes left") {
            _ = try await rig.driver.create(Requests.create("b", required: 600 << 20))
        }
        await expectRefusal(.outOfRange, naming: "if it were empty") {
            _ = try await rig.driver.create(Requests.create("b", required: 2 << 30))
        }
        let thick = try Requests.create("b", required: 200 << 20, parameters: ["provisioning": "thick"])
        _ = try await rig.driver.create(thick)
        _ = try await rig.driver.createSnapshot(Requests.snapshot("s", of: "b"))
        let left = try await rig.driver.capacity(GetCapacity(validating: .init())).available
        #expect(left < available - (900 << 20))
        try await rig.driver.deleteSnapshot(DeleteSnapshot(validating: .init(snapshotID: "s")))
        for id in ["a", "b"] { try await rig.driver.delete(Requests.delete(id)) }
        #expect(try await rig.driver.capacity(GetCapacity(validating: .init())).available == available)
    }

    @Test("Growth that the pool can never hold is OUT_OF_RANGE, and what it cannot hold now RESOURCE_EXHAUSTED")
    func growth() async throws {
        let rig = try await Rig.on(Rig.fake(bytes: 1 << 30))
        _ = try await rig.driver.create(Requests.create("a", required: 600 << 20))
        await expectRefusal(.outOfRange, naming: "if it were empty", "\(1400 << 20)") {
            _ = try await rig.driver.expand(Requests.expand("a", to: 1400 << 20))
        }
        _ = try await rig.driver.create(Requests.create("b", required: 300 << 20))
        await expectRefusal(.resourceExhausted, naming: "bytes left") {
            _ = try await rig.driver.expand(Requests.expand("a", to: 900 << 20))
        }
    }

    @Test("One damaged volume is abnormal, and nothing else fails", arguments: ["", "image"])
    func damage(child: String) async throws {
        let fake = Rig.fake()
        let rig = try await Rig.on(fake)
        for id in ["a", "b", "c"] { _ = try await rig.driver.create(Requests.create(id)) }
        fake.damage(FilePath("/scratch/pool/volumes/b").pushing(FilePath(child)))
        let page = try await rig.driver.list(ListVolumes(validating: .init()))
        #expect(page.entries.map { $0.condition?.isAbnormal } == [false, true, false])
        #expect(page.entries[1].condition?.message.contains("cannot be looked at") == true)
        #expect(try await rig.driver.capacity(GetCapacity(validating: .init())).available > 0)
        _ = try await rig.driver.create(Requests.create("d"))
        _ = try await rig.driver.expand(Requests.expand("a", to: 2 * Requests.size))
        _ = try await rig.driver.createSnapshot(Requests.snapshot("s", of: "a"))
    }

    @Test("With overcommit thin volumes may promise more than there is, thick ones may not")
    func overcommit() async throws {
        let fake = Rig.fake(bytes: 1 << 30)
        let driver = try Rig.driver(fake, "/scratch", policy: PoolPolicy(reserve: .percent(10), overcommitPercent: 300))
        try await driver.preflight()
        try await driver.start()
        for name in ["a", "b", "c"] { _ = try await driver.create(Requests.create(name, required: 800 << 20)) }
        await expectRefusal(.resourceExhausted) {
            _ = try await driver.create(Requests.create("d", required: 800 << 20))
        }
        await expectRefusal(.resourceExhausted) {
            _ = try await driver.create(
                Requests.create("d", required: 200 << 20, parameters: ["provisioning": "thick"]))
        }
    }

    @Test("A full disk is RESOURCE_EXHAUSTED and leaves nothing")
    func full() async throws {
        let fake = Rig.fake()
        let rig = try await Rig.on(fake)
        _ = try await rig.driver.create(Requests.create("source"))
        for operation in [HostOperation.createFile, .copyFile, .createDirectory] {
            fake.fail(operation, with: .noSpace)
            await expectRefusal(.resourceExhausted) {
                _ = try await rig.driver.clone(
                    Requests.create("v", source: Requests.from(volume: "source")), from: VolumeID("source"))
            }
            fake.clearFaults()
            #expect(fake.metadata(of: "/scratch/pool/volumes/v.partial") == nil, "\(operation)")
            #expect(try await rig.driver.volume(VolumeID("v")) == nil, "\(operation)")
        }
    }

    @Test("Snapshots are listed by page, by id and by source", arguments: Machine.available)
    func snapshots(machine: Machine) async throws {
        try await Rig.with(machine) { rig in
            for id in ["a", "b"] { _ = try await rig.driver.create(Requests.create(id)) }
            for number in 0..<5 {
                let made = try await rig.driver.createSnapshot(
                    Requests.snapshot("s\(number)", of: number < 3 ? "a" : "b"))
                #expect(made.isReady && made.size == Requests.size && made.creationTime.seconds > 0)
                #expect(
                    try await rig.driver.createSnapshot(Requests.snapshot(made.id.rawValue, of: made.source.rawValue))
                        == made)
            }
            await expectRefusal(.alreadyExists, naming: "source_volume_id") {
                _ = try await rig.driver.createSnapshot(Requests.snapshot("s0", of: "b"))
            }
            await expectRefusal(.notFound) {
                _ = try await rig.driver.createSnapshot(Requests.snapshot("t", of: "missing"))
            }
            var seen: [String] = []
            var token = ""
            repeat {
                let request = try ListSnapshots(
                    validating: .init(maxEntries: 2, startingToken: token, sourceVolumeID: "a"))
                let page = try await rig.driver.listSnapshots(request)
                seen += page.snapshots.map(\.id.rawValue)
                token = page.next.map { PageToken.encoded(after: $0) } ?? ""
            } while !token.isEmpty
            #expect(seen == ["s0", "s1", "s2"])
            let one = try await rig.driver.listSnapshots(ListSnapshots(validating: .init(snapshotID: "s4")))
            #expect(one.snapshots.map(\.source.rawValue) == ["b"])
            let none = try await rig.driver.listSnapshots(ListSnapshots(validating: .init(snapshotID: "x")))
            #expect(none.snapshots.isEmpty)
            try await rig.driver.deleteSnapshot(DeleteSnapshot(validating: .init(snapshotID: "s0")))
            try await rig.driver.deleteSnapshot(DeleteSnapshot(validating: .init(snapshotID: "../s1")))
            #expect(try await rig.driver.readSnapshot(GetSnapshot(validating: .init(snapshotID: "s0"))) == nil)
            // A volume goes, its snapshots stay, and a restart finds them.
            try await rig.driver.delete(Requests.delete("a"))
            let all = try await rig.driver.listSnapshots(ListSnapshots(validating: .init()))
            #expect(all.snapshots.map(\.id.rawValue) == ["s1", "s2", "s3", "s4"])
        }
    }

    @Test("A clock that jumps changes no answer", arguments: [5, 4_000_000_000] as [Int64])
    func jumps(to seconds: Int64) async throws {
        let fake = Rig.fake()
        let rig = try await Rig.on(fake)
        _ = try await rig.driver.create(Requests.create("v"))
        try await rig.stage("v")
        let before = try await rig.driver.createSnapshot(Requests.snapshot("before", of: "v"))
        fake.manualClock.setWallTime(WallTime(seconds: seconds))
        let after = try await rig.driver.createSnapshot(Requests.snapshot("after", of: "v"))
        #expect(after.creationTime.seconds >= seconds && after.creationTime.seconds < seconds + 60)
        #expect(try await rig.driver.createSnapshot(Requests.snapshot("before", of: "v")) == before)
        _ = try await rig.publish("v")
        try await rig.unpublish("v")
        try await rig.unstage("v")

        // A restart reads what was written under both clocks.
        fake.manualClock.setWallTime(WallTime(seconds: 1_800_000_000))
        fake.restart()
        let second = try await Rig.on(fake).driver
        let listed = try await second.listSnapshots(try ListSnapshots(validating: .init())).snapshots
        #expect(Set(listed.map(\.creationTime)) == [before.creationTime, after.creationTime])
        try await second.delete(Requests.delete("v"))
    }

    @Test("Copies have the size that is asked for, never less than their source", arguments: Machine.available)
    func copies(machine: Machine) async throws {
        try await Rig.with(machine) { rig in
            _ = try await rig.driver.create(Requests.create("v", .block))
            _ = try await rig.driver.createSnapshot(Requests.snapshot("s", of: "v"))
            let source = Requests.from(snapshot: "s")
            let larger = try await rig.driver.restore(
                Requests.create("r", required: 2 * Requests.size, .block, source: source), from: SnapshotID("s"))
            #expect(larger.capacity == 2 * Requests.size)
            #expect(larger.source == .snapshot(try SnapshotID("s")))
            let same = try await rig.driver.restore(
                Requests.create("e", required: 1, .block, source: source), from: SnapshotID("s"))
            #expect(same.capacity == Requests.size)
            await expectRefusal(.outOfRange, naming: "source") {
                _ = try await rig.driver.restore(
                    Requests.create("x", required: 1, limit: 1 << 20, .block, source: source), from: SnapshotID("s"))
            }
            await expectRefusal(.invalidArgument, naming: "raw block") {
                _ = try await rig.driver.restore(Requests.create("x", source: source), from: SnapshotID("s"))
            }
            // The source may be gone when an answer is asked for again.
            try await rig.driver.deleteSnapshot(DeleteSnapshot(validating: .init(snapshotID: "s")))
            #expect(
                try await rig.driver.restore(
                    Requests.create("r", required: 2 * Requests.size, .block, source: source), from: SnapshotID("s"))
                    == larger)
        }
    }

    @Test("Expansion is exact, never shrinks, and repeats", arguments: Machine.available)
    func expansion(machine: Machine) async throws {
        try await Rig.with(machine) { rig in
            for (id, parameters) in [("thin", [:]), ("thick", ["provisioning": "thick"])]
                as [(String, ProtoMap<String, String>)]
            {
                _ = try await rig.driver.create(Requests.create(id, parameters: parameters))
                let grown = try await rig.driver.expand(Requests.expand(id, to: 100 << 20))
                #expect(grown.capacity == 100 << 20 && grown.needsNode)
                #expect(try await rig.driver.expand(Requests.expand(id, to: 100 << 20)).capacity == 100 << 20)
                #expect(try await rig.driver.expand(Requests.expand(id, to: 1)).capacity == 100 << 20)
                await expectRefusal(.outOfRange) {
                    _ = try await rig.driver.expand(Requests.expand(id, to: 1, limit: 50 << 20))
                }
                await expectRefusal(.outOfRange) { _ = try await rig.driver.expand(Requests.expand(id, to: 1 << 50)) }
                #expect(try await rig.driver.volume(VolumeID(id))?.capacity == 100 << 20)
            }
            await expectRefusal(.notFound) { _ = try await rig.driver.expand(Requests.expand("x", to: 1)) }
        }
    }

    @Test("A capability of another kind is refused with a message", arguments: Machine.available)
    func validation(machine: Machine) async throws {
        try await Rig.with(machine) { rig in
            _ = try await rig.driver.create(Requests.create("m", Use(fileSystem: "ext4")))
            let volume = try #require(try await rig.driver.volume(VolumeID("m")))
            for (use, fits) in [
                (Use(), true), (Use(fileSystem: "ext4"), true), (.block, false), (Use(fileSystem: "xfs"), false),
                (Use(flags: ["noload"]), false), (Use(flags: ["noatime", "discard"]), true),
            ] {
                let request = try ValidateVolumeCapabilities(
                    validating: .init(volumeID: "m", volumeCapabilities: [use.capability]))
                #expect(try await (rig.driver.refusal(of: request, for: volume) == nil) == fits, "\(use)")
            }
        }
    }

    @Test("A lost or shortened image shows in the condition and stops what would make it worse")
    func conditions() async throws {
        let fake = Rig.fake()
        let rig = try await Rig.on(fake)
        _ = try await rig.driver.create(Requests.create("v"))
        let read = try GetVolume(validating: .init(volumeID: "v"))
        #expect(try await rig.driver.read(read)?.condition == .normal)
        fake.addFile("/scratch/pool/volumes/v/image", [1, 2, 3])
        #expect(try await rig.driver.read(read)?.condition?.message.contains("cut short") == true)
        await expectRefusal(.failedPrecondition, naming: "cut short") {
            _ = try await rig.driver.createSnapshot(Requests.snapshot("s", of: "v"))
        }
        await expectRefusal(.failedPrecondition, naming: "cut short") { try await rig.stage("v") }
        try await fake.files.openDirectory("/scratch/pool").removeTree("volumes/v/image")
        #expect(try await rig.driver.read(read)?.condition?.message.contains("gone") == true)
        await expectRefusal(.failedPrecondition, naming: "lost its image") { try await rig.stage("v") }
        let page = try await rig.driver.list(ListVolumes(validating: .init()))
        #expect(page.entries.map(\.condition?.isAbnormal) == [true])
        try await rig.driver.delete(Requests.delete("v"))
    }
}
