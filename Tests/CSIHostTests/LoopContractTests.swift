import CSIHost
import SystemPackage
import Testing

@Suite("Loop devices: the same contract for the model and for Linux")
struct LoopContractTests {
    @Test(.enabled(if: HostKind.attachingIsAllowed, HostKind.howToAllowAttaching))
    func `the contract of loop devices runs against the kernel, too`() {
        #expect(HostKind.attaching.contains(.linux))
    }

    /// A file of a mebibyte named `image`.
    private func withImage(
        _ kind: HostKind, _ body: (any DeviceRig, any DirectoryTree) async throws -> Void
    ) async throws {
        try await withDevices(kind) { rig in
            let tree = try await rig.tree()
            try await tree.createFile("image", size: 1 << 20, allocation: .sparse, permissions: [.ownerReadWrite])
            try await body(rig, tree)
        }
    }

    private func identity(_ path: FilePath, in tree: any DirectoryTree) async throws -> FileIdentity {
        try #require(try await tree.identity(of: path))
    }

    private let named = LoopOptions(name: "vol-1")

    @Test(arguments: HostKind.attaching)
    func `a file is attached, found by its identity, and detached`(kind: HostKind) async throws {
        try await withImage(kind) { rig, tree in
            let file = try await identity("image", in: tree)
            let loops = rig.host.loops
            #expect(try await loops.attached(to: file) == [])
            let device = try await loops.attach("image", in: tree, options: named)
            #expect(device.path == FilePath("/dev/loop\(device.number)"))
            #expect(device.device.major == 7)
            #expect(device.backing == file)
            #expect(device.backingPath == rig.scratch.appending("image").string)
            #expect(device.name == "vol-1")
            #expect(!device.isReadOnly && !device.isDetachedOnLastClose)
            #expect(device.sectorSize == 4096 && device.size == 1 << 20 && device.offset == 0)
            #expect(try await loops.attached(to: file) == [device])
            #expect(try await loops.device(device.number) == device)
            #expect(try await loops.list().contains(device))

            try await tree.renameDurably(from: "image", to: "renamed")
            #expect(try await loops.attached(to: file).map(\.number) == [device.number])
            #expect(try await loops.attached(to: file).first?.backingPath.hasSuffix("/renamed") == true)

            #expect(try await loops.detach(device, within: .seconds(60)))
            #expect(try await loops.attached(to: file) == [])
            #expect(try await !loops.detach(device, within: .seconds(60)))
            #expect(await failure { try await loops.refreshSize(of: device) } == .stale)
        }
    }

    @Test(arguments: HostKind.attaching, [false, true])
    func `a file is open while it is attached`(kind: HostKind, isReadOnly: Bool) async throws {
        try await withImage(kind) { rig, tree in
            #expect(try await !tree.isOpen("image"))
            let options = LoopOptions(name: "", isReadOnly: isReadOnly)
            let device = try await rig.host.loops.attach("image", in: tree, options: options)
            for _ in 0..<3 { #expect(try await tree.isOpen("image")) }
            #expect(try await rig.host.loops.detach(device, within: .seconds(60)))
            #expect(try await rig.host.loops.device(device.number)?.sequence != device.sequence)
            #expect(try await !tree.isOpen("image"))
            #expect(await failure { try await tree.isOpen("missing") } == .notFound)
            #expect(await failure { try await tree.isOpen("") } == .invalidPath)
        }
    }

    @Test(arguments: HostKind.attaching, LoopOptions.SectorSize.allCases)
    func `the device shows the file in sectors`(kind: HostKind, sectorSize: LoopOptions.SectorSize) async throws {
        try await withImage(kind) { rig, tree in
            #expect(rig.write([1, 2, 3], into: rig.scratch.appending("image"), at: 8190))
            let options = LoopOptions(name: "", sectorSize: sectorSize)
            let device = try await rig.host.loops.attach("image", in: tree, options: options)
            #expect(device.sectorSize == sectorSize.rawValue)
            let shown = try #require(try await rig.host.devices.device(at: device.path))
            #expect(shown.logicalSectorSize == sectorSize.rawValue)
            #expect(shown.size == 1 << 20 && !shown.isReadOnly && shown.number == device.device)
            let bytes = try await rig.host.devices.read(from: device.path, at: 8189, count: 5)
            #expect(bytes == [0, 1, 2, 3, 0])
            #expect(rig.write(Array(repeating: 7, count: 4096), into: device.path, at: 16384))
            #expect(rig.bytes(of: rig.scratch.appending("image"), at: 16383, count: 2) == [0, 7])
            try await rig.host.loops.detach(device, within: .seconds(60))
            #expect(try await rig.host.devices.device(at: device.path) == nil)
        }
    }

    @Test(arguments: HostKind.attaching, [false, true])
    func `direct I/O can be changed while the device is attached`(kind: HostKind, isReadOnly: Bool) async throws {
        try await withImage(kind) { rig, tree in
            let loops = rig.host.loops
            let options = LoopOptions(name: "", isReadOnly: isReadOnly)
            let device = try await loops.attach("image", in: tree, options: options)
            #expect(try await !loops.setDirectIO(false, of: device).isDirectIO)
            #expect(try await loops.device(device.number)?.isDirectIO == false)
            if device.isDirectIO {
                #expect(try await loops.setDirectIO(true, of: device).isDirectIO)
            } else {
                #expect(await failure { try await loops.setDirectIO(true, of: device) } == .notSupported)
            }
            try await loops.detach(device, within: .seconds(60))
            #expect(await failure { try await loops.setDirectIO(false, of: device) } == .stale)
        }
    }

    @Test(arguments: HostKind.attaching)
    func `a read-only device that its file has outgrown grows`(kind: HostKind) async throws {
        try await withImage(kind) { rig, tree in
            let loops = rig.host.loops
            let device = try await loops.attach("image", in: tree, options: LoopOptions(name: "", isReadOnly: true))
            try await tree.setFileSize("image", to: 2 << 20, allocation: .sparse)
            #expect(try await loops.refreshSize(of: device).size == 2 << 20)
            try await loops.detach(device, within: .seconds(60))
        }
    }

    @Test(arguments: HostKind.attaching)
    func `a read-only device cannot be written`(kind: HostKind) async throws {
        try await withImage(kind) { rig, tree in
            let options = LoopOptions(name: "ro", isReadOnly: true)
            let device = try await rig.host.loops.attach("image", in: tree, options: options)
            #expect(device.isReadOnly)
            #expect(try await rig.host.devices.device(device.device)?.isReadOnly == true)
            #expect(!rig.write(Array(repeating: 1, count: 4096), into: device.path, at: 0))
            try await rig.host.loops.detach(device, within: .seconds(60))
        }
    }

    @Test(arguments: HostKind.attaching)
    func `only a whole number of sectors of a regular file is attached`(kind: HostKind) async throws {
        try await withImage(kind) { rig, tree in
            try await rig.makeDirectories("directory")
            try rig.addSymbolicLink(rig.scratch.appending("link"), to: "image")
            try await tree.createFile("odd", size: 4608, allocation: .sparse, permissions: [.ownerReadWrite])
            try await tree.createFile("empty", size: 0, allocation: .allocated, permissions: [.ownerReadWrite])
            let loops = rig.host.loops
            let attach = { (path: FilePath, options: LoopOptions) in
                await failure { try await loops.attach(path, in: tree, options: options) }
            }
            #expect(await attach("odd", named) == .invalidArgument)
            #expect(await attach("empty", named) == .invalidArgument)
            #expect(await attach("directory", named) == .isDirectory)
            #expect(await attach("link", named) == .symbolicLink)
            #expect(await attach("none", named) == .notFound)
            #expect(await attach("../etc/passwd", named) == .invalidPath)
            #expect(await attach("image", LoopOptions(name: String(repeating: "n", count: 64))) == .invalidArgument)
            #expect(await attach("image", LoopOptions(name: "a\0b")) == .invalidArgument)
            #expect(try await loops.attached(to: identity("image", in: tree)) == [])

            let longest = LoopOptions(name: String(repeating: "\u{fc}", count: 31) + "n", sectorSize: .bytes512)
            let device = try await loops.attach("odd", in: tree, options: longest)
            #expect(device.name == longest.name && device.size == 4608)
            try await loops.detach(device, within: .seconds(60))
        }
    }

    @Test(arguments: HostKind.attaching)
    func `a file is never attached twice where one can write`(kind: HostKind) async throws {
        try await withImage(kind) { rig, tree in
            let loops = rig.host.loops
            let readOnly = LoopOptions(name: "ro", isReadOnly: true)
            let first = try await loops.attach("image", in: tree, options: named)
            #expect(await failure { try await loops.attach("image", in: tree, options: named) } == .lockHeld)
            #expect(await failure { try await loops.attach("image", in: tree, options: readOnly) } == .lockHeld)
            #expect(await failure { try await tree.lock("image") } == .lockHeld)
            try await loops.detach(first, within: .seconds(60))

            let readers = [
                try await loops.attach("image", in: tree, options: readOnly),
                try await loops.attach("image", in: tree, options: readOnly),
            ]
            #expect(await failure { try await loops.attach("image", in: tree, options: named) } == .lockHeld)
            let file = try await identity("image", in: tree)
            #expect(try await loops.attached(to: file).map(\.number) == readers.map(\.number).sorted())
            for reader in readers { #expect(try await loops.detach(reader, within: .seconds(60))) }

            let lock = try await tree.lock("image")
            #expect(await failure { try await loops.attach("image", in: tree, options: named) } == .lockHeld)
            lock.release()
            let last = try await loops.attach("image", in: tree, options: named)
            try await loops.detach(last, within: .seconds(60))
        }
    }

    @Test(arguments: HostKind.attaching)
    func `a device grows with its file when it is told`(kind: HostKind) async throws {
        try await withImage(kind) { rig, tree in
            let device = try await rig.host.loops.attach("image", in: tree, options: named)
            try await tree.setFileSize("image", to: 4 << 20, allocation: .sparse)
            #expect(try await rig.host.devices.device(device.device)?.size == 1 << 20)
            let grown = try await rig.host.loops.refreshSize(of: device)
            #expect(grown.size == 4 << 20 && grown.number == device.number && grown.backing == device.backing)
            #expect(try await rig.host.devices.device(device.device)?.size == 4 << 20)
            #expect(try await rig.host.loops.detach(grown, within: .seconds(60)))
        }
    }

    @Test(arguments: HostKind.attaching)
    func `another file under the same name is another file`(kind: HostKind) async throws {
        try await withImage(kind) { rig, tree in
            let old = try await identity("image", in: tree)
            let device = try await rig.host.loops.attach("image", in: tree, options: named)
            try await tree.removeFile("image")
            try await tree.createFile("image", size: 1 << 20, allocation: .sparse, permissions: [.ownerReadWrite])
            let new = try await identity("image", in: tree)
            #expect(new != old)
            #expect(try await rig.host.loops.attached(to: new) == [])
            let found = try await rig.host.loops.attached(to: old)
            #expect(found.map(\.number) == [device.number])
            #expect(found.first?.backingPath.hasSuffix(" (deleted)") == true)
            #expect(try await rig.host.loops.detach(device, within: .seconds(60)))
        }
    }

    @Test(arguments: HostKind.attaching)
    func `a number that was used again is left alone`(kind: HostKind) async throws {
        try await withImage(kind) { rig, tree in
            let loops = rig.host.loops
            try await tree.createFile("other", size: 1 << 20, allocation: .sparse, permissions: [.ownerReadWrite])
            let first = try await loops.attach("image", in: tree, options: named)
            rig.anotherProgramDetaches(first.path)
            let other = try await loops.attach("other", in: tree, options: named)
            #expect(try await !loops.detach(first, within: .seconds(60)))
            #expect(await failure { try await loops.refreshSize(of: first) } == .stale)
            // Not even the same file's next attachment is the one that was meant.
            rig.anotherProgramDetaches(other.path)
            let again = try await loops.attach("image", in: tree, options: named)
            #expect(try await !loops.detach(first, within: .seconds(60)))
            #expect(try await loops.attached(to: again.backing) == [again])
            #expect(try await loops.detach(again, within: .seconds(60)))
        }
    }

    @Test(arguments: HostKind.attaching)
    func `a number is not used again while its device is held`(kind: HostKind) async throws {
        try await withImage(kind) { rig, tree in
            let loops = rig.host.loops
            try await tree.createFile("other", size: 1 << 20, allocation: .sparse, permissions: [.ownerReadWrite])
            let first = try await loops.attach("image", in: tree, options: named)
            let held = try await loops.hold(first)
            rig.anotherProgramDetaches(first.path)
            let other = try await loops.attach("other", in: tree, options: named)
            #expect(other.number != first.number)
            #expect(try await loops.attached(to: first.backing).map(\.number) == [first.number])
            #expect(await failure { try await loops.detach(first, within: .milliseconds(20)) } == .busy)
            held.release()
            held.release()
            #expect(try await loops.attached(to: first.backing) == [])
            #expect(await failure { try await loops.hold(first) } == .stale)
            #expect(try await loops.detach(other, within: .seconds(60)))
        }
    }

    @Test(arguments: HostKind.attaching)
    func `many are attached at once, numbers beyond 8 included`(kind: HostKind) async throws {
        try await withDevices(kind) { rig in
            let tree = try await rig.tree()
            let loops = rig.host.loops
            for index in 0..<40 {
                try await tree.createFile(
                    FilePath("image-\(index)"), size: 4096, allocation: .sparse, permissions: [.ownerReadWrite])
            }
            let devices = try await withThrowingTaskGroup(of: LoopDevice.self) { group in
                for index in 0..<40 {
                    group.addTask {
                        let name = "image-\(index)"
                        let device = try await loops.attach(
                            FilePath(name), in: tree, options: LoopOptions(name: name))
                        #expect(device.name == name)
                        #expect(try await loops.attached(to: device.backing) == [device])
                        return device
                    }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(Set(devices.map(\.number)).count == 40)
            #expect(devices.contains { $0.number > 8 })
            let listed = try await loops.list()
            #expect(Set(devices).isSubset(of: listed))
            #expect(listed.map(\.number) == listed.map(\.number).sorted())
            try await withThrowingTaskGroup(of: Void.self) { group in
                for device in devices {
                    group.addTask {
                        let detached = try await loops.detach(device, within: .seconds(60))
                        #expect(detached)
                    }
                }
                try await group.waitForAll()
            }
            #expect(try await Set(devices).isDisjoint(with: loops.list()))
        }
    }

    @Test(arguments: HostKind.attaching)
    func `a mounted device is not touched, and the error says where`(kind: HostKind) async throws {
        try await withImage(kind) { rig, tree in
            let loops = rig.host.loops
            let device = try await loops.attach("image", in: tree, options: named)
            let place = rig.scratch.appending("mounted")
            #expect(try await !rig.host.devices.isInUse(device.path))
            try rig.mountDevice(device.path, at: place)
            #expect(try await rig.host.devices.isInUse(device.path))
            #expect(try await rig.host.devices.users(of: device.device) == [.mount(at: place)])
            do throws(HostError) {
                try await loops.detach(device, within: .milliseconds(30))
                Issue.record("it was detached")
            } catch {
                #expect(error.kind == .busy)
                #expect(error.description.contains("it is mounted at \(place)"))
            }
            let found = try await loops.attached(to: device.backing)
            #expect(found.map(\.isDetachedOnLastClose) == [false])
            try await rig.mounts.unmount(place, policy: .orderly())
            #expect(try await loops.detach(device, within: .seconds(60)))
        }
    }

    @Test(arguments: HostKind.attaching)
    func `a device that is open goes when it is closed`(kind: HostKind) async throws {
        try await withImage(kind) { rig, tree in
            let loops = rig.host.loops
            let device = try await loops.attach("image", in: tree, options: named)
            let handle = rig.openDevice(device.path)
            do throws(HostError) {
                try await loops.detach(device, within: .milliseconds(30))
                Issue.record("it was detached")
            } catch {
                #expect(error.kind == .busy)
                #expect(error.description.contains("has it open"))
            }
            #expect(try await loops.attached(to: device.backing).map(\.isDetachedOnLastClose) == [true])
            #expect(await failure { try await loops.attach("image", in: tree, options: named) } == .lockHeld)
            rig.closeDevice(device.path, handle)
            #expect(try await loops.attached(to: device.backing) == [])
            let again = try await loops.attach("image", in: tree, options: named)
            #expect(try await loops.detach(again, within: .seconds(60)))
        }
    }

    @Test(arguments: HostKind.attaching, ["ext4", "xfs", "btrfs"])
    func `direct I/O is what the device says, on every file system`(kind: HostKind, type: String) async throws {
        try await withDevices(kind) { rig in
            let pool = rig.scratch.appending("pool")
            try rig.addFileSystem(type, at: pool)
            let disk = try await rig.files.openDirectory(pool)
            try await disk.createFile("image", size: 1 << 20, allocation: .sparse, permissions: [.ownerReadWrite])
            for (mode, expected) in [(LoopOptions.DirectIO.required, true), (.preferred, true), (.off, false)] {
                let device = try await rig.host.loops.attach(
                    "image", in: disk, options: LoopOptions(name: "", directIO: mode))
                #expect(device.isDirectIO == expected, "\(mode)")
                #expect(try await rig.host.loops.attached(to: device.backing) == [device])
                #expect(try await rig.host.loops.detach(device, within: .seconds(60)))
            }
        }
    }
}
