import CSIHost
import CSIProto
import CSITestKit
import CSITransport
import SystemPackage
import Testing

@testable import CSIBlock
@testable import CSICore

extension DiskRig {
    static let disk: FilePath = "/dev/sdb"
    static let mark = FormatMark.offset
    static let file: FilePath = "file"

    /// The same machine after its driver was started again.
    func restarted() -> DiskRig { DiskRig(fake) }

    /// Pulls the disk out, and puts it into another machine.
    func moveDisk(to other: DiskRig) throws {
        let disk = try #require(fake.takeOutBlockDevice(Self.disk))
        #expect(other.fake.putInBlockDevice(disk, as: "sdb", links: [Self.link]) != nil)
    }

    func write(_ bytes: [UInt8], at offset: Int64) {
        #expect(fake.applicationWrites(bytes, into: Self.disk, at: offset))
        fake.syncDevice(Self.disk)
    }

    /// What is on the disk where anything of these tests could be.
    func content() -> [[UInt8]?] {
        [0, Self.mark - 4096, Self.size - (1 << 20)].map { fake.deviceContent(of: Self.disk, at: $0, count: 1 << 20) }
    }

    /// Leaves the disk as mkfs does that is killed.
    func interruptFormat(_ origin: BlockVolume.Origin = .empty) async throws {
        let before = fake.mutations.count
        fake.beforeEachEffect { [fake] (effect) throws(HostError) in
            guard effect.operation == .makeFileSystem else { return }
            fake.crash(.during, afterMutations: 0)
        }
        await #expect(throws: CSIError.self) { try await stage(DiskRig.volume(origin)) }
        fake.beforeEachEffect(nil)
        #expect(fake.hasCrashed && fake.mutations.count > before)
        fake.restart(after: .process)
    }

    /// Uses the volume as a pod does that writes a file.
    func use() async throws {
        try await stage(DiskRig.volume())
        try await publish(DiskRig.volume())
        #expect(fake.deviceContent(of: Self.disk, at: Self.mark, count: FormatMark.count) == FormatMark.none)
        try await fake.files.openDirectory(Self.target).writeFileDurably(Self.file, [1, 2, 3])
        try await leave()
    }

    /// Whether the pod finds what it wrote.
    func findsFile() async throws -> Bool {
        try await stage(DiskRig.volume(.unknown))
        try await publish(DiskRig.volume())
        let found = try await fake.files.openDirectory(Self.target).readFile(Self.file, limit: 9)
        try await leave()
        return found == [1, 2, 3]
    }

    private func leave() async throws {
        try await unpublish()
        try await unstage()
    }
}

@Suite("A disk whose first mkfs was interrupted")
struct InterruptedFormatTests {
    @Test("is formatted anew by the next stage, which says so, and by none after that")
    func heals() async throws {
        let rig = DiskRig()
        _ = rig.attach()
        try await rig.interruptFormat()
        #expect(rig.content()[1] != [UInt8](repeating: 0, count: 1 << 20))
        try await rig.restarted().use()
        #expect(try await rig.findsFile())
        #expect(rig.content()[1] == [UInt8](repeating: 0, count: 1 << 20))
    }

    @Test(
        "heals wherever the driver or the machine dies, there and on another machine",
        arguments: CrashKind.allCases, [false, true])
    func crashes(kind: CrashKind, isHealing: Bool) async throws {
        var explored = 0
        // Before a change is after the last one.
        for moment in [CrashMoment.during, .after] {
            for isElsewhere in [false, true] {
                for mutation in 0... {
                    let rig = DiskRig()
                    _ = rig.attach()
                    if isHealing { try await rig.interruptFormat() }
                    rig.fake.crash(moment, afterMutations: mutation)
                    try? await rig.restarted().stage(DiskRig.volume())
                    guard rig.fake.hasCrashed else { break }
                    explored += 1
                    rig.fake.restart(after: kind)
                    let place: Comment = "\(moment) change \(mutation), then \(isElsewhere ? "elsewhere" : "there")"
                    do {
                        guard isElsewhere else {
                            try await rig.restarted().use()
                            #expect(try await rig.findsFile(), place)
                            continue
                        }
                        // Where the machine lives, its pods are taken away before the disk is.
                        try await rig.restarted().unstage()
                        let other = DiskRig()
                        try rig.moveDisk(to: other)
                        try await other.use()
                        try other.moveDisk(to: rig)
                        #expect(try await rig.restarted().findsFile(), place)
                    } catch {
                        Issue.record(error, place)
                    }
                }
            }
        }
        #expect(explored >= 20, "\(explored)")
    }

    @Test("is nobody's to erase but its own volume's, if that was made empty and nothing on the disk is known")
    func refusals() async throws {
        let troubles: [(name: String, origin: BlockVolume.Origin, change: (DiskRig) async throws -> Void)] = [
            ("a copy", .copy, { _ in }), ("of unknown origin", .unknown, { _ in }),
            ("without the mark", .empty, { $0.write(FormatMark.none, at: DiskRig.mark) }),
            (
                "with another volume's mark", .empty,
                { $0.write(FormatMark(of: try VolumeID("w")).bytes, at: DiskRig.mark) }
            ),
            ("with a damaged mark", .empty, { $0.write([0], at: DiskRig.mark + 20) }),
            (
                "with another file system by now", .empty,
                { rig in
                    rig.write([UInt8](repeating: 0, count: 1 << 20), at: 0)
                    _ = try await rig.fake.fileSystems.make(
                        .btrfs, on: DiskRig.disk, options: MakeOptions(), within: .seconds(9))
                }
            ),
        ]
        for trouble in troubles {
            let rig = DiskRig()
            _ = rig.attach()
            try await rig.interruptFormat()
            try await trouble.change(rig)
            let content = rig.content()
            await expectRefusal(.failedPrecondition, naming: "neither mounted nor formatted") {
                try await rig.stage(DiskRig.volume(trouble.origin))
            }
            #expect(rig.content() == content, "\(trouble.name)")
        }
    }

    @Test("keeps what somebody else has put there meanwhile, and the mark goes before that is mounted")
    func formattedElsewhere() async throws {
        let rig = DiskRig()
        _ = rig.attach()
        try await rig.interruptFormat()
        // By hand, or by a driver that knows of no marks.
        rig.write([UInt8](repeating: 0, count: 1 << 20), at: 0)
        _ = try await rig.fake.fileSystems.make(
            .ext4, on: DiskRig.disk, options: MakeOptions(label: "theirs"), within: .seconds(9))
        try await rig.use()
        let found = try await rig.fake.fileSystems.probe(DiskRig.disk)
        #expect(found.content?.label == "theirs")
        // From here on a damaged superblock is damage, and nothing that mkfs left.
        rig.write([1], at: 1024 + 0x18)
        rig.write([0, 0, 0, 0], at: 1024 + 4)
        let content = rig.content()
        await expectRefusal(.failedPrecondition, naming: "neither mounted nor formatted") {
            try await rig.stage(DiskRig.volume())
        }
        #expect(rig.content() == content)
    }

    @Test("is a pod's from the moment that it gets the raw disk to write to", arguments: [false, true])
    func raw(isUnstaged: Bool) async throws {
        let rig = DiskRig()
        _ = rig.attach()
        try await rig.interruptFormat()
        let volume = try DiskRig.volume(fileSystem: nil)
        let use = DiskRig.capability(isBlock: true)
        if isUnstaged {
            let request = try PublishVolume(
                validating: .init(volumeID: "v", targetPath: DiskRig.target.string, volumeCapability: use))
            try await rig.node.publishUnstaged(request, volume)
        } else {
            try await rig.stage(volume, use)
            // Who can only read changes nothing.
            try await rig.publish(volume, use, readOnly: true)
            #expect(
                rig.fake.deviceContent(of: DiskRig.disk, at: DiskRig.mark, count: 512)
                    == FormatMark(of: volume.id).bytes)
            try await rig.unpublish()
            try await rig.publish(volume, use)
        }
        rig.write([1, 2, 3], at: 4711)
        try await rig.unpublish()
        try await rig.unstage()
        let content = rig.content()
        await expectRefusal(.failedPrecondition, naming: "neither mounted nor formatted") {
            try await rig.stage(DiskRig.volume())
        }
        #expect(rig.content() == content)
    }

    @Test("is not written to for a reader, nor while somebody uses it")
    func busy() async throws {
        let rig = DiskRig()
        _ = rig.attach()
        try await rig.interruptFormat()
        let content = rig.content()
        await expectRefusal(.failedPrecondition, naming: "reading only") {
            try await rig.stage(DiskRig.volume(), DiskRig.capability(mode: .singleNodeReaderOnly))
        }
        rig.fake.setHolders(["dm-0"], of: DiskRig.disk)
        await #expect(throws: CSIError.self) { try await rig.stage(DiskRig.volume()) }
        #expect(rig.content() == content)
        rig.fake.setHolders([], of: DiskRig.disk)
        try await rig.use()
    }

    @Test("is not written to when another disk comes in its place", arguments: [false, true])
    func exchanged(isHealing: Bool) async throws {
        let rig = DiskRig()
        _ = rig.attach()
        if isHealing { try await rig.interruptFormat() }
        let fake = rig.fake
        fake.beforeEachEffect { (effect) throws(HostError) in
            guard effect.operation == .replaceBytes else { return }
            fake.beforeEachEffect(nil)
            _ = fake.takeOutBlockDevice(DiskRig.disk)
            fake.addBlockDevice("sdb", size: DiskRig.size, serial: "v", links: [DiskRig.link])
            _ = fake.applicationWrites([5], into: DiskRig.disk, at: 4711)
        }
        await #expect(throws: CSIError.self) { try await rig.stage(DiskRig.volume()) }
        var expected = [[UInt8](repeating: 0, count: 1 << 20), [UInt8](repeating: 0, count: 1 << 20)]
        expected.append([UInt8](repeating: 0, count: 1 << 20))
        expected[0][4711] = 5
        #expect(rig.content() == expected)
    }

    @Test("gets no mark where something lies already, and none that is too small for it")
    func noPlace() async throws {
        let rig = DiskRig()
        _ = rig.attach()
        rig.write([1], at: DiskRig.mark + 100)
        let content = rig.content()
        await expectRefusal(.failedPrecondition, naming: "\(DiskRig.mark)", "not formatted") {
            try await rig.stage(DiskRig.volume())
        }
        #expect(rig.content() == content)
        let small = DiskRig()
        _ = small.attach(size: 8 << 20)
        let volume = try DiskRig.volume(capacity: 8 << 20)
        try await small.stage(volume)
        #expect(!small.fake.effects.contains { $0.operation == .replaceBytes })
    }

    @Test("heals as well where mkfs fails, and keeps what somebody wrote just before")
    func failures() async throws {
        let rig = DiskRig()
        _ = rig.attach()
        rig.fake.fail(.makeFileSystem, with: .timedOut)
        await #expect(throws: CSIError.self) { try await rig.stage(DiskRig.volume()) }
        #expect(rig.fake.deviceContent(of: DiskRig.disk, at: DiskRig.mark, count: 512) != FormatMark.none)
        let fake = rig.fake
        fake.beforeEachEffect { (effect) throws(HostError) in
            guard effect.operation == .makeFileSystem else { return }
            _ = fake.applicationWrites([5], into: DiskRig.disk, at: 4711)
        }
        await #expect(throws: CSIError.self) { try await rig.stage(DiskRig.volume()) }
        fake.beforeEachEffect(nil)
        let content = rig.content()
        #expect(rig.fake.deviceContent(of: DiskRig.disk, at: DiskRig.mark, count: 512) == FormatMark.none)
        await expectRefusal(.failedPrecondition, naming: "neither mounted nor formatted") {
            try await rig.stage(DiskRig.volume())
        }
        #expect(rig.content() == content)
        rig.write([0], at: 4711)
        try await rig.use()
    }
}
