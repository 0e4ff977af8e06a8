import CSIHost
import CSITestKit
import Glibc
import SystemPackage
import Testing

/// An image file attached as a loop device.
struct Disk: Sendable {
    let image: FilePath
    var loop: LoopDevice
    var path: FilePath { loop.path }
}

extension DeviceRig {
    /// Where the images are: more room than the scratch directory has.
    var homePath: FilePath { scratch.appending("home") }

    func home() async throws -> any DirectoryTree {
        if try await host.mounts.mountTable().topmost(at: homePath) == nil {
            try addFileSystem(at: homePath, bytes: 2 << 30)
        }
        return try await host.files.openDirectory(homePath)
    }

    /// Attaches a new image file of zeros.
    func disk(_ name: FilePath.Component, bytes: Int64) async throws -> Disk {
        let tree = try await home()
        let path = FilePath(root: nil, [name])
        if try await tree.metadata(of: path) == nil {
            try await tree.createFile(path, size: bytes, allocation: .sparse, permissions: [.ownerReadWrite])
        }
        return try await attach(path)
    }

    func attach(_ path: FilePath, isReadOnly: Bool = false) async throws -> Disk {
        let options = LoopOptions(name: "test", isReadOnly: isReadOnly, sectorSize: .bytes512, directIO: .off)
        let loop = try await host.loops.attach(path, in: try await home(), options: options)
        return Disk(image: path, loop: loop)
    }

    func detach(_ disk: Disk) async throws {
        try await host.loops.detach(disk.loop, within: .seconds(60))
    }

    /// Makes a disk larger.
    func enlarge(_ disk: inout Disk, to bytes: Int64) async throws {
        try await home().setFileSize(disk.image, to: bytes, allocation: .sparse)
        disk.loop = try await host.loops.refreshSize(of: disk.loop)
    }

    var fileSystems: any FileSystems { host.fileSystems }

    func mountDisk(_ disk: Disk, _ options: FileSystemMountOptions, at name: FilePath.Component) async throws
        -> MountEntry
    {
        let target = scratch.appending(name)
        try await host.files.createMountPoint(target, kind: .directory, permissions: [.ownerReadWriteExecute])
        return try await fileSystems.mount(disk.path, at: target, options: options, within: .seconds(30))
    }

    func make(_ kind: FileSystemKind, on disk: Disk, _ options: MakeOptions = MakeOptions()) async throws {
        try await fileSystems.make(kind, on: disk.path, options: options, within: .seconds(60))
    }
}

@Suite("File systems: the same contract for the model and for Linux")
struct FileSystemContractTests {
    /// Enough for each of them; XFS wants the most.
    private static let size: Int64 = 320 << 20
    private static let all: [(HostKind, FileSystemKind)] = HostKind.attaching.flatMap { (host) in
        FileSystemKind.allCases.map { (host, $0) }
    }

    private func withDisk(
        _ kind: HostKind, _ body: (any DeviceRig, inout Disk) async throws -> Void
    ) async throws {
        try await withDevices(kind) { rig in
            var disk = try await rig.disk("disk.img", bytes: Self.size)
            try await body(rig, &disk)
        }
    }

    @Test(arguments: all)
    func `made, recognised, checked, mounted, found again`(host: HostKind, kind: FileSystemKind) async throws {
        try await withDisk(host) { rig, disk in
            #expect(try await rig.fileSystems.probe(disk.path) == .blank)
            let uuid = "5a1c0de0-1234-4567-89ab-cdef01234567"
            let made = try await rig.fileSystems.make(
                kind, on: disk.path, options: MakeOptions(label: "data", uuid: uuid), within: .seconds(60))
            #expect(made.type == kind.rawValue)
            #expect(made.uuid == uuid)
            #expect(made.label == "data")
            #expect(made.byteCount == Self.size)
            #expect(try await rig.fileSystems.probe(disk.path) == .content(made))
            // The image is the device.
            #expect(try await rig.fileSystems.probe(rig.homePath.appending("disk.img")) == .content(made))
            for depth in CheckDepth.allCases {
                let found = try await rig.fileSystems.check(kind, on: disk.path, depth: depth, within: .seconds(60))
                let expected: CheckOutcome =
                    depth == .beforeMount && (kind == .xfs || kind == .btrfs) ? .leftToTheKernel : .clean
                #expect(found == expected)
            }
            let entry = try await rig.mountDisk(disk, FileSystemMountOptions(kind, flags: [.noExec]), at: "mnt")
            #expect(entry.filesystemType == kind.rawValue)
            #expect(entry.source == disk.path.string)
            #expect(entry.mountPoint == rig.scratch.appending("mnt"))
            #expect(entry.bindOptions == [.noExec])
            #expect(!entry.isReadOnly)
            #expect((entry.device == disk.loop.device) == (kind != .btrfs))
            let file = rig.scratch.appending("mnt/file")
            #expect(rig.applicationWrites(file, [1, 2, 3]))
            #expect(try await rig.fileSystems.probe(disk.path).content?.uuid == uuid)

            #expect(await failure { try await rig.make(kind, on: disk) } == .busy)
            #expect(
                await failure {
                    try await rig.fileSystems.check(kind, on: disk.path, depth: .complete, within: .seconds(60))
                } == .busy)
            try await rig.mounts.unmount(entry.mountPoint, policy: .orderly())
            try await rig.detach(disk)
            disk = try await rig.attach("disk.img")
            let again = try await rig.mountDisk(disk, FileSystemMountOptions(kind, access: .readOnly), at: "mnt")
            #expect(again.isReadOnly)
            #expect(rig.content(of: file) == [1, 2, 3])
            #expect(!rig.applicationWrites(file, [9]))
            try await rig.mounts.unmount(again.mountPoint, policy: .orderly())
            try await rig.detach(disk)
        }
    }

    @Test(arguments: HostKind.attaching)
    func `what is not blank is never formatted`(kind: HostKind) async throws {
        try await withDisk(kind) { rig, disk in
            let make = { (disk: Disk) in await failure { try await rig.make(.ext4, on: disk) } }
            let image = rig.homePath.appending("disk.img")
            // One byte at the very end, and one at the very beginning.
            for place: Int64 in [Self.size - 1, 0, (1 << 20) - 1, Self.size - (1 << 20)] {
                #expect(rig.write([7], into: image, at: place))
                try await rig.detach(disk)
                disk = try await rig.attach("disk.img")
                guard case .ambiguous = try await rig.fileSystems.probe(disk.path) else {
                    Issue.record("a byte at \(place) was not seen")
                    continue
                }
                #expect(await make(disk) == .notBlank)
                #expect(rig.bytes(of: image, at: place, count: 1) == [7])
                #expect(rig.write([0], into: image, at: place))
                try await rig.detach(disk)
                disk = try await rig.attach("disk.img")
            }
            #expect(try await rig.fileSystems.probe(disk.path) == .blank)
            try await rig.make(.xfs, on: disk)
            #expect(await make(disk) == .notBlank)
            #expect(try await rig.fileSystems.probe(disk.path).content?.type == "xfs")
            try await rig.detach(disk)
        }
    }

    @Test(arguments: HostKind.attaching)
    func `what mkfs is to be preceded by comes once the device was found blank, and can still stop it`(
        kind: HostKind
    ) async throws {
        try await withDisk(kind) { rig, disk in
            try await rig.detach(disk)
            let image = rig.homePath.appending("disk.img")
            let make = { (whenBlank: () async throws(HostError) -> Void) in
                try await rig.fileSystems.make(
                    .ext4, on: image, options: MakeOptions(), within: .seconds(60), whenBlank: whenBlank)
            }
            let refusal = HostError(.writeFile, at: "/note", kind: .noSpace)
            #expect(await failure { try await make { () async throws(HostError) in throw refusal } } == .noSpace)
            #expect(try await rig.fileSystems.probe(image) == .blank)

            // One byte of somebody else's that comes meanwhile.
            #expect(
                await failure {
                    try await make { () async throws(HostError) in
                        _ = rig.write([7], into: image, at: Self.size - 1)
                    }
                } == .notBlank)
            #expect(rig.bytes(of: image, at: Self.size - 1, count: 1) == [7])

            // What is not blank is not to be noted: this refusal never comes.
            #expect(await failure { try await make { () async throws(HostError) in throw refusal } } == .notBlank)
            // Through a device it is written past what mkfs would see.
            #expect(rig.write([0], into: image, at: Self.size - 1))
            disk = try await rig.attach("disk.img")
            #expect(await failure { try await make { () async throws(HostError) in throw refusal } } == .lockHeld)
            try await rig.detach(disk)
            _ = try await make { () async throws(HostError) in }
        }
    }

    @Test(arguments: all)
    func `one made in an image file fits the device that the file becomes`(
        host: HostKind, kind: FileSystemKind
    ) async throws {
        try await withDevices(host) { rig in
            let tree = try await rig.home()
            try await tree.createFile(
                "thin.img", size: Self.size, allocation: .sparse, permissions: [.ownerReadWrite])
            var options = MakeOptions(label: "data")
            options.sectorSize = .bytes4096
            let made = try await rig.fileSystems.make(
                kind, on: rig.homePath.appending("thin.img"), options: options, within: .seconds(60))
            #expect(made.type == kind.rawValue)
            #expect(made.label == "data")
            #expect(made.byteCount == Self.size)
            #expect(try #require(try await tree.metadata(of: "thin.img")).allocatedBytes < Self.size)

            let disk = Disk(
                image: "thin.img",
                loop: try await rig.host.loops.attach("thin.img", in: tree, options: LoopOptions(name: "test")))
            #expect(try await rig.fileSystems.probe(disk.path) == .content(made))
            let found = try await rig.fileSystems.check(kind, on: disk.path, depth: .complete, within: .seconds(60))
            #expect(found == .clean)
            let entry = try await rig.mountDisk(disk, FileSystemMountOptions(kind), at: "mnt")
            #expect(rig.applicationWrites(rig.scratch.appending("mnt/file"), [1, 2, 3]))
            try await rig.mounts.unmount(entry.mountPoint, policy: .orderly())
            try await rig.detach(disk)
        }
    }

    @Test(arguments: all)
    func `what users write to the ends of a device hides its file system from a probe and from nobody else`(
        host: HostKind, kind: FileSystemKind
    ) async throws {
        try await withDisk(host) { rig, disk in
            let made = try await rig.fileSystems.make(kind, on: disk.path, options: MakeOptions(), within: .seconds(60))
            #expect(try await rig.fileSystems.content(of: kind, on: disk.path) == made)
            let other: FileSystemKind = kind == .xfs ? .ext4 : .xfs
            #expect(try await rig.fileSystems.content(of: other, on: disk.path) == nil)
            try await rig.detach(disk)

            // An uberblock of ZFS, as in a disk image.
            let place = Self.size / (256 << 10) * (256 << 10) - (128 << 10)
            #expect(rig.write([0x0c, 0xb1, 0xba, 0, 0, 0, 0, 0], into: rig.homePath.appending("disk.img"), at: place))
            disk = try await rig.attach("disk.img")
            #expect(try await rig.fileSystems.probe(disk.path).content == nil)
            #expect(try await rig.fileSystems.content(of: kind, on: disk.path) == made)
        }
    }

    @Test(arguments: HostKind.attaching)
    func `an XFS whose sectors are smaller than the device's is not mounted`(kind: HostKind) async throws {
        try await withDevices(kind) { rig in
            let tree = try await rig.home()
            try await tree.createFile(
                "thin.img", size: Self.size, allocation: .sparse, permissions: [.ownerReadWrite])
            let image = rig.homePath.appending("thin.img")
            _ = try await rig.fileSystems.make(.xfs, on: image, options: MakeOptions(), within: .seconds(60))
            let options = LoopOptions(name: "test", sectorSize: .bytes4096)
            let disk = Disk(
                image: "thin.img", loop: try await rig.host.loops.attach("thin.img", in: tree, options: options))
            #expect(
                await failure { try await rig.mountDisk(disk, FileSystemMountOptions(.xfs), at: "mnt") }
                    == .notSupported)
            try await rig.detach(disk)
        }
    }

    @Test(arguments: all)
    func `an image that cannot take what mkfs writes is no space`(host: HostKind, kind: FileSystemKind) async throws {
        try await withDevices(host) { rig in
            let home = rig.scratch.appending("little")
            try rig.addFileSystem(at: home, bytes: 4096)
            try await rig.host.files.openDirectory(home).createFile(
                "thin.img", size: Self.size, allocation: .sparse, permissions: [.ownerReadWrite])
            var options = MakeOptions()
            options.sectorSize = .bytes4096
            let image = home.appending("thin.img")
            #expect(
                await failure {
                    try await rig.fileSystems.make(kind, on: image, options: options, within: .seconds(60))
                } == .noSpace)
        }
    }

    @Test(arguments: HostKind.attaching)
    func `what is wrong is told apart`(kind: HostKind) async throws {
        try await withDisk(kind) { rig, disk in
            let target = rig.scratch.appending("mnt")
            try await rig.makeDirectories("mnt")
            let mount = { (device: FilePath, kind: FileSystemKind) in
                await failure {
                    try await rig.fileSystems.mount(
                        device, at: target, options: FileSystemMountOptions(kind), within: .seconds(60))
                }
            }
            #expect(await failure { try await rig.fileSystems.probe("/dev/none") } == .notFound)
            #expect(await failure { try await rig.fileSystems.probe("relative") } == .invalidPath)
            #expect(await failure { try await rig.make(.ext4, on: Disk(image: "x", loop: disk.loop)) } == nil)
            #expect(await mount(disk.path, .xfs) == .invalidArgument)
            #expect(await mount(rig.homePath.appending("disk.img"), .ext4) == .wrongType)
            #expect(await mount("/dev/none", .ext4) == .notFound)
            #expect(await mount(disk.path, .ext4) == nil)
            for call in [
                { _ = try await rig.fileSystems.freeze(rig.scratch.appending("other"), atMost: .seconds(60)) },
                { try await rig.fileSystems.thaw(rig.scratch.appending("other")) },
                { try await rig.fileSystems.trim(rig.scratch.appending("other")) },
            ] as [() async throws -> Void] {
                #expect(await failure(call) == .notFound)
            }
            try await rig.makeDirectories("other")
            // An empty directory on the scratch file system must not freeze that.
            #expect(
                await failure {
                    _ = try await rig.fileSystems.freeze(rig.scratch.appending("other"), atMost: .seconds(60))
                } == .notVerified)
            #expect(
                await failure {
                    _ = try await rig.fileSystems.size(of: .xfs, on: disk.path, mountedAt: target)
                } == .notVerified)
            try await rig.mounts.unmount(target, policy: .orderly())
            try await rig.detach(disk)
        }
    }

    @Test(arguments: all)
    func `a larger device makes a larger file system`(host: HostKind, kind: FileSystemKind) async throws {
        try await withDisk(host) { rig, disk in
            try await rig.make(kind, on: disk)
            let systems = rig.fileSystems
            // Growing ext4 while it is mounted takes a capability that the root of a container may lack.
            let isMounted = !kind.rawValue.hasPrefix("ext")
            let target = rig.scratch.appending("mnt")
            if isMounted { _ = try await rig.mountDisk(disk, FileSystemMountOptions(kind), at: "mnt") }
            let place = isMounted ? target : nil
            let path = disk.path
            let grow = { try await systems.grow(kind, on: path, mountedAt: place, within: .seconds(60)) }
            #expect(try await grow() == GrowOutcome(before: Self.size, after: Self.size))
            try await rig.enlarge(&disk, to: 2 * Self.size)
            let grown = try await grow()
            #expect(grown.before == Self.size)
            #expect(grown.after == 2 * Self.size)
            #expect(try await systems.size(of: kind, on: disk.path, mountedAt: place) == 2 * Self.size)
            #expect(try await !grow().hasGrown)
            if isMounted {
                try await rig.mounts.unmount(target, policy: .orderly())
                #expect(try await systems.size(of: kind, on: disk.path, mountedAt: nil) == 2 * Self.size)
                try await rig.enlarge(&disk, to: 3 * Self.size)
                #expect(
                    await failure { try await systems.grow(kind, on: path, mountedAt: nil, within: .seconds(60)) }
                        == .notSupported)
            }
            try await rig.detach(disk)
        }
    }

    @Test(arguments: HostKind.attaching)
    func `a copy of a frozen file system is complete, and XFS mounts it beside the original`(
        kind: HostKind
    ) async throws {
        try await withDisk(kind) { rig, disk in
            try await rig.make(.xfs, on: disk)
            let entry = try await rig.mountDisk(disk, FileSystemMountOptions(.xfs), at: "mnt")
            #expect(rig.applicationWrites(entry.mountPoint.appending("file"), [42]))
            let frozen = try await rig.fileSystems.freeze(entry.mountPoint, atMost: .seconds(120))
            #expect(
                await failure { _ = try await rig.fileSystems.freeze(entry.mountPoint, atMost: .seconds(60)) } == .busy)
            try await rig.home().copyFile(from: "disk.img", to: "copy.img", options: CopyOptions())
            try await frozen.thaw()
            #expect(await failure { try await frozen.thaw() } != nil)
            #expect(try await rig.fileSystems.thaw(entry.mountPoint) == false)
            #expect(rig.applicationWrites(entry.mountPoint.appending("later"), [43]))

            let copy = try await rig.attach("copy.img")
            let mountCopy = { (isCopy: Bool) in
                try await rig.mountDisk(copy, FileSystemMountOptions(.xfs, isCopy: isCopy), at: "copy")
            }
            #expect(await failure { try await mountCopy(false) } == .invalidArgument)
            let second = try await mountCopy(true)
            #expect(rig.content(of: second.mountPoint.appending("file")) == [42])
            #expect(rig.content(of: second.mountPoint.appending("later")) == nil)
            for mount in [second, entry] { try await rig.mounts.unmount(mount.mountPoint, policy: .orderly()) }
            for disk in [copy, disk] { try await rig.detach(disk) }
        }
    }

    @Test(arguments: HostKind.attaching)
    func `a read-only device is mounted read-only or not at all`(kind: HostKind) async throws {
        try await withDisk(kind) { rig, disk in
            try await rig.make(.ext4, on: disk)
            try await rig.detach(disk)
            disk = try await rig.attach("disk.img", isReadOnly: true)
            let read = disk
            #expect(
                await failure { try await rig.mountDisk(read, FileSystemMountOptions(.ext4), at: "mnt") }
                    == .readOnlyFileSystem)
            for access in [FileSystemMountOptions.Access.readOnly, .readOnlyWithoutRecovery] {
                let entry = try await rig.mountDisk(disk, FileSystemMountOptions(.ext4, access: access), at: "mnt")
                #expect(entry.isReadOnly && entry.superOptions.contains("ro"))
                #expect(
                    await failure {
                        _ = try await rig.fileSystems.freeze(entry.mountPoint, atMost: .seconds(60))
                    } == .readOnlyFileSystem)
                try await rig.mounts.unmount(entry.mountPoint, policy: .orderly())
            }
            try await rig.detach(disk)
        }
    }

    @Test(arguments: HostKind.attaching)
    func `mounts on a shared mount are shared`(kind: HostKind) async throws {
        try await withDisk(kind) { rig, disk in
            try await rig.make(.ext4, on: disk)
            let shared = try await rig.mounts.mountTable().topmost(at: rig.scratch)?.isShared
            #expect(shared == true)
            let entry = try await rig.mountDisk(disk, FileSystemMountOptions(.ext4), at: "mnt")
            #expect(entry.isShared && entry.masterGroup == nil)
            try await rig.makeDirectories("target")
            let bind = try await rig.mounts.bindMount(
                source: entry.mountPoint, at: rig.scratch.appending("target"), options: [])
            #expect(bind.isShared && bind.peerGroup != entry.peerGroup)
            for mount in [bind, entry] { try await rig.mounts.unmount(mount.mountPoint, policy: .orderly()) }
            try await rig.detach(disk)
        }
    }

    /// What others put on a disk, with their own programs; the argument of sfdisk is its script.
    @Test(
        .enabled(if: HostKind.attachingIsAllowed, HostKind.howToAllowAttaching),
        arguments: [
            ("swap", Program("mkswap", ["-U", "5a1c0de0-1234-4567-89ab-cdef01234567"])),
            ("gpt", Program("sfdisk", ["label: gpt\nsize=8M\n"])),
            ("dos", Program("sfdisk", ["label: dos\nsize=8M, type=83\n"])),
            ("ext2", Program("mkfs.ext2", ["-q"])), ("ext4", Program("mkfs.ext4", ["-q", "-O", "^metadata_csum"])),
            ("xfs", Program("mkfs.xfs", ["-q", "-m", "crc=0"])),
            ("btrfs", Program("mkfs.btrfs", ["-q", "--csum", "sha256"])),
        ])
    func `what other programs make is recognised`(type: String, program: Program) async throws {
        try await withDevices(.linux) { rig in
            let disk = try await rig.disk("disk.img", bytes: Self.size)
            let path = disk.path.string
            if program.name == "sfdisk" {
                let script = "printf %s \"$1\" | sfdisk -q --no-tell-kernel \"$2\""
                try await rig.host.programs.require(
                    Program("sh", ["-c", script, "sh", program.arguments[0], path]), within: .seconds(30))
            } else {
                try await rig.host.programs.require(
                    Program(program.name, program.arguments + [path]), within: .seconds(30))
            }
            let found = try await rig.fileSystems.probe(disk.path)
            #expect(found.content?.type == type, "\(found)")
            #expect(await failure { try await rig.make(.ext4, on: disk) } == .notBlank)
            try await rig.detach(disk)
        }
    }

    @Test(arguments: HostKind.attaching)
    func `a device that keeps its room takes no discards, and the next one under its number does again`(
        kind: HostKind
    ) async throws {
        try await withDevices(kind) { rig in
            let tree = try await rig.home()
            try await tree.createFile(
                "thick.img", size: Self.size, allocation: .allocated, permissions: [.ownerReadWrite])
            for takesDiscards in [false, true, false] {
                let options = LoopOptions(name: "test", directIO: .off, takesDiscards: takesDiscards)
                let disk = Disk(
                    image: "thick.img", loop: try await rig.host.loops.attach("thick.img", in: tree, options: options))
                if try await rig.fileSystems.probe(disk.path).isBlank { try await rig.make(.ext4, on: disk) }
                let entry = try await rig.mountDisk(disk, FileSystemMountOptions(.ext4).keepingRoom(), at: "mnt")
                let refusal = await failure { try await rig.fileSystems.trim(entry.mountPoint) }
                #expect(refusal == (takesDiscards ? nil : .notSupported))
                try await rig.mounts.unmount(entry.mountPoint, policy: .orderly())
                try await rig.detach(disk)
            }
        }
    }

    @Test(.enabled(if: HostKind.attachingIsAllowed, HostKind.howToAllowAttaching))
    func `trimming gives blocks back, and damage is seen`() async throws {
        try await withDevices(.linux) { rig in
            let disk = try await rig.disk("disk.img", bytes: Self.size)
            try await rig.make(.ext4, on: disk)
            let entry = try await rig.mountDisk(disk, FileSystemMountOptions(.ext4), at: "mnt")
            #expect(try await rig.fileSystems.trim(entry.mountPoint) > 0)
            let error = await #expect(throws: HostError.self) {
                _ = try await rig.fileSystems.mount(
                    disk.path, at: rig.homePath, options: FileSystemMountOptions(.xfs), within: .seconds(60))
            }
            #expect(error?.description.contains(disk.path.string) == true)
            try await rig.mounts.unmount(entry.mountPoint, policy: .orderly())
            // The tables of inodes of the first groups, without which the root directory is lost.
            #expect(rig.write([UInt8](repeating: 0x5a, count: 16 << 20), into: disk.path, at: 64 << 10))
            let found = try await rig.fileSystems.check(.ext4, on: disk.path, depth: .complete, within: .seconds(60))
            #expect(!found.isUsable)
            try await rig.detach(disk)
        }
    }
}
