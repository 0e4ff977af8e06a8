import CSIHost
import SystemPackage
import Testing

@Suite("Mounts: the same contract for the model and for Linux")
struct MountContractTests {
    @Test(.enabled(if: HostKind.mountsAreAllowed, HostKind.howToAllowMounts))
    func `the mount contract runs against the kernel, too`() {
        #expect(HostKind.mounting.contains(.linux))
    }

    /// A source with a file and an empty target.
    private func withSourceAndTarget(
        _ kind: HostKind, _ body: (any HostRig, _ source: FilePath, _ target: FilePath) async throws -> Void
    ) async throws {
        try await withHost(kind) { rig in
            try await rig.makeDirectories("source", "target")
            try await rig.tree().writeFileDurably("source/file", [1])
            try await body(rig, rig.scratch.appending("source"), rig.scratch.appending("target"))
        }
    }

    @Test(arguments: HostKind.mounting)
    func `a bind shows the source, and the table says so`(kind: HostKind) async throws {
        try await withSourceAndTarget(kind) { rig, source, target in
            let before = try await rig.mounts.mountTable()
            #expect(before.topmost(at: target) == nil)
            let entry = try await rig.mounts.bindMount(source: source, at: target, options: [])
            let table = try await rig.mounts.mountTable()
            #expect(table.topmost(at: target) == entry)
            #expect(entry.mountPoint == target)
            #expect(entry.origin == table.origin(of: source))
            #expect(table.mountPoint(containing: target.appending("x"))?.mountID == entry.mountID)
            #expect(table.mountPoint(containing: source)?.mountID == entry.parentID)
            #expect(table.mounts(showing: entry.origin).map(\.mountID) == [entry.mountID])
            #expect(table.mounts(beneath: rig.scratch).map(\.mountPoint) == [target])
            #expect(rig.content(of: target.appending("file")) == [1])
            #expect(rig.applicationWrites(target.appending("new"), [2]))
            #expect(rig.content(of: source.appending("new")) == [2])
            #expect(
                try await rig.mounts.unmount(target, policy: .orderly()) == UnmountOutcome(removed: 1, detached: false))
            #expect(rig.content(of: target.appending("file")) == nil)
        }
    }

    @Test(arguments: HostKind.mounting)
    func `a read-only bind refuses writing, the source does not`(kind: HostKind) async throws {
        try await withSourceAndTarget(kind) { rig, source, target in
            let entry = try await rig.mounts.bindMount(source: source, at: target, options: [.readOnly])
            #expect(entry.isReadOnly)
            #expect(!rig.applicationWrites(target.appending("file"), [9]))
            #expect(!rig.applicationWrites(target.appending("new"), [9]))
            #expect(rig.applicationWrites(source.appending("new"), [3]))
            let tree = try await rig.files.openDirectory(target)
            #expect(await failure { try await tree.writeFileDurably("x", []) } == .readOnlyFileSystem)
            #expect(await failure { try await tree.removeFile("file") } == .readOnlyFileSystem)
            #expect(await failure { try await tree.removeTree("file") } == .readOnlyFileSystem)
            #expect(await failure { try await tree.createDirectory("d", permissions: []) } == .readOnlyFileSystem)
            #expect(await failure { try await tree.renameDurably(from: "file", to: "g") } == .readOnlyFileSystem)
            #expect(await failure { try await tree.setPermissions("file", []) } == .readOnlyFileSystem)
            #expect(try await tree.readFile("file", limit: 9) == [1])
        }
    }

    @Test(
        arguments: HostKind.mounting,
        [
            [.noSetUserID], [.noDevices], [.noExec], [.noAccessTime], [.noDirectoryAccessTime], [.strictAccessTime],
            [.noSymbolicLinks], [.readOnly, .noSetUserID, .noDevices, .noExec, .noAccessTime],
        ] as [BindOptions])
    func `options are read back`(kind: HostKind, options: BindOptions) async throws {
        try await withSourceAndTarget(kind) { rig, source, target in
            let inherited = try await rig.mounts.mountTable().mountPoint(containing: source)?.bindOptions
            #expect(inherited == [])
            let entry = try await rig.mounts.bindMount(source: source, at: target, options: options)
            #expect(entry.bindOptions == options)
            #expect(entry.mountOptions.contains(options.contains(.readOnly) ? "ro" : "rw"))
        }
    }

    @Test(arguments: HostKind.mounting)
    func `a bind of a bind inherits its options`(kind: HostKind) async throws {
        try await withSourceAndTarget(kind) { rig, source, target in
            try await rig.makeDirectories("second")
            try await rig.mounts.bindMount(source: source, at: target, options: [.readOnly, .noExec, .noAccessTime])
            let second = rig.scratch.appending("second")
            let entry = try await rig.mounts.bindMount(source: target, at: second, options: [.strictAccessTime])
            #expect(entry.bindOptions == [.readOnly, .noExec, .strictAccessTime])
        }
    }

    @Test(arguments: HostKind.mounting)
    func `many targets are mounted and unmounted at once`(kind: HostKind) async throws {
        try await withSourceAndTarget(kind) { rig, source, _ in
            let mounts = rig.mounts
            let targets = (0..<8).map { rig.scratch.appending("t\($0)") }
            for target in targets {
                try await rig.files.createMountPoint(target, kind: .directory, permissions: [.ownerReadWriteExecute])
            }
            try await withThrowingTaskGroup(of: Void.self) { group in
                for target in targets {
                    group.addTask {
                        for _ in 0..<10 {
                            let entry = try await mounts.bindMount(source: source, at: target, options: [.readOnly])
                            #expect(try await mounts.mountTable().topmost(at: target) == entry)
                            #expect(try await mounts.unmount(target, policy: .orderly()).removed == 1)
                        }
                    }
                }
                try await group.waitForAll()
            }
            #expect(try await mounts.mountTable().mounts(beneath: rig.scratch).isEmpty)
        }
    }

    @Test(arguments: HostKind.mounting)
    func `a file is bound onto a file`(kind: HostKind) async throws {
        try await withSourceAndTarget(kind) { rig, source, target in
            let file = source.appending("file")
            let place = rig.scratch.appending("block")
            try await rig.files.createMountPoint(place, kind: .regular, permissions: [.ownerReadWrite])
            let bind = { (from: FilePath, to: FilePath) in
                try await rig.mounts.bindMount(source: from, at: to, options: [.readOnly])
            }
            let entry = try await bind(file, place)
            #expect(entry.origin.root.lastComponent == "file")
            #expect(rig.content(of: place) == [1])
            #expect(!rig.applicationWrites(place, [9]))
            #expect(await failure { try await bind(file, target) } == .wrongType)
            #expect(await failure { try await bind(source, place) } == .wrongType)
            #expect(await failure { try await rig.files.removeMountPoint(place) } == .busy)
            try await rig.mounts.unmount(place, policy: .orderly())
            #expect(try await rig.files.removeMountPoint(place))
        }
    }

    @Test(arguments: HostKind.mounting)
    func `what is wrong with a bind is told apart`(kind: HostKind) async throws {
        try await withSourceAndTarget(kind) { rig, source, target in
            try rig.addSymbolicLink(rig.scratch.appending("link"), to: "source")
            let bind = { (from: FilePath, to: FilePath) in
                await failure { try await rig.mounts.bindMount(source: from, at: to, options: []) }
            }
            #expect(await bind(rig.scratch.appending("none"), target) == .notFound)
            #expect(await bind(source, rig.scratch.appending("none")) == .notFound)
            #expect(await bind(rig.scratch.appending("link"), target) == .symbolicLink)
            #expect(await bind(source, rig.scratch.appending("link")) == .symbolicLink)
            #expect(await bind(rig.scratch.appending("link/file"), target) == .symbolicLink)
            #expect(await bind("relative", target) == .invalidPath)
            #expect(await bind(source, target.appending("..")) == .invalidPath)
            #expect(await bind(source, "/") == .invalidPath)
            #expect(try await rig.mounts.mountTable().mounts(beneath: rig.scratch).isEmpty)
        }
    }

    @Test(arguments: HostKind.mounting)
    func `stacked mounts are seen in order and all removed`(kind: HostKind) async throws {
        try await withSourceAndTarget(kind) { rig, source, target in
            try await rig.makeDirectories("other")
            let other = rig.scratch.appending("other")
            try await rig.mounts.bindMount(source: source, at: target, options: [.readOnly])
            try await rig.mounts.bindMount(source: other, at: target, options: [])
            try await rig.mounts.bindMount(source: source, at: target, options: [.noExec])
            let stack = try await rig.mounts.mountTable().entries(at: target)
            #expect(stack.map(\.bindOptions) == [[.readOnly], [], [.noExec]])
            #expect(stack.map(\.root.lastComponent) == ["source", "other", "source"])
            #expect(
                try await rig.mounts.unmount(target, policy: .orderly()) == UnmountOutcome(removed: 3, detached: false))
            #expect(try await rig.mounts.mountTable().entries(at: target).isEmpty)
            #expect(try await rig.files.removeMountPoint(target))
        }
    }

    @Test(arguments: HostKind.mounting)
    func `a mount over a directory hides what is mounted below it`(kind: HostKind) async throws {
        try await withSourceAndTarget(kind) { rig, source, target in
            try await rig.makeDirectories("source/inner", "target/inner")
            let inner = target.appending("inner")
            try await rig.mounts.bindMount(source: source, at: inner, options: [])
            #expect(try await rig.mounts.mountTable().topmost(at: inner) != nil)
            try await rig.mounts.bindMount(source: source, at: target, options: [])
            let table = try await rig.mounts.mountTable()
            #expect(table.topmost(at: inner) == nil)
            #expect(table.mountPoint(containing: inner)?.mountPoint == target)
            #expect(table.mounts(beneath: target).map(\.mountPoint) == [inner])
            // The way to the hidden one is to take the upper one away.
            #expect(try await rig.mounts.unmount(inner, policy: .orderly()).removed == 0)
            #expect(try await rig.mounts.unmount(target, policy: .orderly()).removed == 1)
            #expect(try await rig.mounts.unmount(inner, policy: .orderly()).removed == 1)
        }
    }

    @Test(arguments: HostKind.mounting)
    func `unmounting what is not mounted succeeds`(kind: HostKind) async throws {
        try await withSourceAndTarget(kind) { rig, source, target in
            let nothing = UnmountOutcome(removed: 0, detached: false)
            for path in [target, source.appending("file"), rig.scratch.appending("no/such/path")] {
                #expect(try await rig.mounts.unmount(path, policy: .orderly()) == nothing)
            }
            try rig.addSymbolicLink(rig.scratch.appending("link"), to: rig.scratch)
            let through = rig.scratch.appending("link/target")
            #expect(await failure { try await rig.mounts.unmount(through, policy: .orderly()) } == .symbolicLink)
            #expect(await failure { try await rig.mounts.unmount("/", policy: .orderly()) } == .invalidPath)
            #expect(await failure { try await rig.mounts.unmount("t", policy: .orderly()) } == .invalidPath)
        }
    }

    @Test(arguments: HostKind.mounting)
    func `a busy mount is kept or detached, as the policy says`(kind: HostKind) async throws {
        try await withSourceAndTarget(kind) { rig, source, target in
            try await rig.mounts.bindMount(source: source, at: target, options: [])
            let held = try await rig.files.openDirectory(target)
            let orderly = UnmountPolicy.orderly(deadline: .milliseconds(50))
            #expect(await failure { try await rig.mounts.unmount(target, policy: orderly) } == .busy)
            #expect(try await rig.mounts.mountTable().topmost(at: target) != nil)
            #expect(await failure { try await rig.files.removeMountPoint(target) } == .busy)
            let outcome = try await rig.mounts.unmount(target, policy: .detaching(after: .milliseconds(50)))
            #expect(outcome == UnmountOutcome(removed: 1, detached: true))
            #expect(try await rig.mounts.mountTable().topmost(at: target) == nil)
            #expect(try await rig.files.removeMountPoint(target))
            // Who holds it can go on.
            #expect(try await held.readFile("file", limit: 9) == [1])
            try await held.writeFileDurably("late", [4])
            #expect(rig.content(of: source.appending("late")) == [4])
        }
    }

    @Test(arguments: HostKind.mounting)
    func `a mount with another mount below it is busy`(kind: HostKind) async throws {
        try await withSourceAndTarget(kind) { rig, source, target in
            try await rig.makeDirectories("source/inner")
            try await rig.mounts.bindMount(source: source, at: target, options: [])
            try await rig.mounts.bindMount(source: source, at: target.appending("inner"), options: [])
            let orderly = UnmountPolicy.orderly(deadline: .milliseconds(50))
            #expect(await failure { try await rig.mounts.unmount(target, policy: orderly) } == .busy)
            let outcome = try await rig.mounts.unmount(target, policy: .detaching(after: .zero))
            #expect(outcome == UnmountOutcome(removed: 1, detached: true))
            #expect(try await rig.mounts.mountTable().mounts(beneath: rig.scratch).isEmpty)
        }
    }

    @Test(arguments: HostKind.mounting)
    func `mounts made in a bind do not appear in its source`(kind: HostKind) async throws {
        try await withSourceAndTarget(kind) { rig, source, target in
            try await rig.makeDirectories("source/inner")
            try await rig.mounts.bindMount(source: source, at: target, options: [])
            try rig.addFileSystem(at: target.appending("inner"), bytes: 1 << 20)
            let mountPoints = try await rig.mounts.mountTable().mounts(beneath: rig.scratch).map(\.mountPoint)
            #expect(mountPoints == [target, target.appending("inner")])
        }
    }

    @Test(
        arguments: HostKind.mounting,
        ["with space", "tab\tand\nnewline", "back\\slash", "hash#", "\u{e4}\u{1f600}", "a//deleted"])
    func `strange names are found again`(kind: HostKind, name: String) async throws {
        try await withHost(kind) { rig in
            let parts = FilePath(name).components.map(\.string)
            try await rig.makeDirectories("s", "t")
            var (source, target): (FilePath, FilePath) = ("s", "t")
            for part in parts {
                source.append(part)
                target.append(part)
                try await rig.makeDirectories(source, target)
            }
            let (from, to) = (rig.scratch.pushing(source), rig.scratch.pushing(target))
            let entry = try await rig.mounts.bindMount(source: from, at: to, options: [.readOnly])
            let table = try await rig.mounts.mountTable()
            #expect(table.topmost(at: to) == entry)
            #expect(entry.origin == table.origin(of: from))
            #expect(!entry.isRootDeleted)
            #expect(try await rig.mounts.unmount(to, policy: .orderly()).removed == 1)
        }
    }

    @Test(arguments: HostKind.mounting)
    func `a mount whose source was removed is known by that`(kind: HostKind) async throws {
        try await withSourceAndTarget(kind) { rig, source, target in
            try await rig.mounts.bindMount(source: source, at: target, options: [])
            try await rig.tree().removeTree("source")
            let entry = try #require(try await rig.mounts.mountTable().topmost(at: target))
            #expect(entry.isRootDeleted)
            #expect(try await rig.mounts.unmount(target, policy: .orderly()).removed == 1)
        }
    }

    @Test(arguments: HostKind.mounting)
    func `a mount point can be neither renamed nor removed, its parent can be renamed`(kind: HostKind) async throws {
        try await withHost(kind) { rig in
            let tree = try await rig.tree()
            try await rig.makeDirectories("source", "p", "p/target")
            let target = rig.scratch.appending("p/target")
            try await rig.mounts.bindMount(source: rig.scratch.appending("source"), at: target, options: [])
            #expect(await failure { try await tree.renameDurably(from: "p/target", to: "x") } == .busy)
            #expect(await failure { try await tree.removeDirectory("p/target") } == .busy)
            try await tree.renameDurably(from: "p", to: "q")
            let moved = rig.scratch.appending("q/target")
            #expect(try await rig.mounts.mountTable().topmost(at: moved) != nil)
            #expect(try await rig.mounts.unmount(target, policy: .orderly()).removed == 0)
            #expect(try await rig.mounts.unmount(moved, policy: .orderly()).removed == 1)
        }
    }

    @Test(arguments: HostKind.mounting)
    func `a rename does not cross mounts`(kind: HostKind) async throws {
        try await withSourceAndTarget(kind) { rig, source, target in
            try await rig.mounts.bindMount(source: source, at: target, options: [])
            let tree = try await rig.tree()
            let renamed = await failure { try await tree.renameDurably(from: "target/file", to: "source/other") }
            #expect(renamed == .crossesMount)
        }
    }

    @Test(arguments: HostKind.mounting)
    func `a full disk is told apart and leaves nothing half made`(kind: HostKind) async throws {
        try await withHost(kind) { rig in
            let small = rig.scratch.appending("small")
            try rig.addFileSystem(at: small, bytes: 64 << 10)
            let tree = try await rig.files.openDirectory(small)
            try await tree.writeFileDurably("old", [UInt8](repeating: 1, count: 32 << 10))
            let big = [UInt8](repeating: 2, count: 128 << 10)
            #expect(await failure { try await tree.writeFileDurably("new", big) } == .noSpace)
            #expect(await failure { try await tree.writeFileDurably("old", big) } == .noSpace)
            #expect(try await tree.list("", limit: 9).map(\.name.string) == ["old"])
            #expect(try await tree.readFile("old", limit: 1 << 20).count == 32 << 10)
            let capacity = try await tree.capacity()
            #expect(capacity.totalBytes == 64 << 10)
            #expect(capacity.usedBytes == 32 << 10)
            #expect(capacity.availableBytes == 32 << 10)
            try await tree.removeFile("old")
            try await tree.writeFileDurably("new", [UInt8](repeating: 2, count: 48 << 10))
        }
    }
}
