import CSIHost
import SystemPackage
import Testing

@Suite("Subvolumes: the same contract for the model and for Linux")
struct SubvolumeContractTests {
    private let mode750 = FilePermissions(rawValue: 0o750)

    /// Runs a body with a directory on btrfs.
    private func withBtrfs(
        _ kind: HostKind, _ body: (any DeviceRig, any DirectoryTree) async throws -> Void
    ) async throws {
        try await withDevices(kind) { rig in
            let path = rig.scratch.appending("btrfs")
            try rig.addFileSystem("btrfs", at: path)
            try await body(rig, try await rig.files.openDirectory(path))
        }
    }

    @Test(arguments: HostKind.attaching)
    func `a subvolume has its mode and is a directory of its own`(kind: HostKind) async throws {
        try await withBtrfs(kind) { rig, tree in
            #expect(try await tree.hasSubvolumes())
            try await tree.createSubvolume("v", permissions: mode750)
            let made = try #require(try await tree.subvolume(at: "v"))
            #expect(!made.isReadOnly)
            #expect(try await tree.metadata(of: "v")?.permissions == mode750)
            #expect(await failure { try await tree.createSubvolume("v", permissions: mode750) } == .alreadyExists)
            #expect(await failure { try await tree.createSubvolume("no/v", permissions: mode750) } == .notFound)
            try await tree.createDirectory("d", permissions: mode750)
            try await tree.writeFileDurably("d/file", [1])
            #expect(try await tree.subvolume(at: "d") == nil)
            #expect(try await tree.subvolume(at: "d/file") == nil)
            #expect(try await tree.subvolume(at: "none") == nil)
            // It moves as a directory does, and nothing else moves into it.
            try await tree.renameDurably(from: "v", to: "d/v")
            #expect(try await tree.subvolume(at: "d/v")?.id == made.id)
            let move = await failure { try await tree.renameDurably(from: "d/file", to: "d/v/file") }
            #expect(move == .crossesMount)
        }
    }

    @Test(arguments: HostKind.attaching)
    func `a snapshot is what the source was`(kind: HostKind) async throws {
        try await withBtrfs(kind) { rig, tree in
            try await tree.createSubvolume("v", permissions: mode750)
            try await tree.createDirectory("v/d", permissions: mode750)
            #expect(rig.applicationWrites(tree.path.pushing("v/d/file"), [1, 2, 3]))
            try await tree.createSubvolume("v/inner", permissions: mode750)
            try await tree.writeFileDurably("v/inner/file", [9])
            try await tree.createSnapshot(of: "v", at: "s", isReadOnly: true)
            try await tree.createSnapshot(of: "v", at: "w", isReadOnly: false)
            #expect(rig.applicationWrites(tree.path.pushing("v/d/file"), [4]))
            for name in ["s", "w"] as [FilePath] {
                #expect(rig.content(of: tree.path.pushing(name).pushing("d/file")) == [1, 2, 3])
                #expect(try await tree.metadata(of: name)?.permissions == mode750)
                #expect(try await tree.list(name.appending("inner"), limit: 9) == [])
                #expect(try await tree.subvolume(at: name)?.isReadOnly == (name == "s"))
            }
            #expect(!rig.applicationWrites(tree.path.pushing("s/d/file"), [5]))
            #expect(rig.applicationWrites(tree.path.pushing("w/d/file"), [5]))
            try await tree.setSubvolumeReadOnly("s", false)
            #expect(rig.applicationWrites(tree.path.pushing("s/d/file"), [5]))
            let taken = await failure { try await tree.createSnapshot(of: "v", at: "w", isReadOnly: false) }
            #expect(taken == .alreadyExists)
            let directory = await failure { try await tree.createSnapshot(of: "v/d", at: "x", isReadOnly: false) }
            #expect(directory == .wrongType)
            #expect(await failure { try await tree.setSubvolumeReadOnly("v/d", true) } == .wrongType)
        }
    }

    @Test(arguments: HostKind.attaching)
    func `a tree goes with the subvolumes in it, writable or not`(kind: HostKind) async throws {
        try await withBtrfs(kind) { rig, tree in
            try await tree.createDirectory("top", permissions: mode750)
            try await tree.createSubvolume("top/v", permissions: mode750)
            try await tree.writeFileDurably("top/v/file", [1])
            try await tree.createSubvolume("top/v/inner", permissions: mode750)
            try await tree.writeFileDurably("top/v/inner/file", [1])
            try await tree.createSnapshot(of: "top/v", at: "top/s", isReadOnly: true)
            try await tree.setSubvolumeReadOnly("top/v", true)
            try await tree.createSnapshot(of: "top/v", at: "alone", isReadOnly: true)
            try await tree.removeTree("top")
            try await tree.removeTree("alone")
            #expect(try await tree.list("", limit: 9) == [])
        }
    }

    @Test(arguments: HostKind.allCases)
    func `other file systems have none`(kind: HostKind) async throws {
        try await withHost(kind) { rig in
            let tree = try await rig.tree()
            #expect(try await !tree.hasSubvolumes())
            #expect(await failure { try await tree.createSubvolume("v", permissions: mode750) } == .notSupported)
            try await tree.createDirectory("d", permissions: mode750)
            #expect(try await tree.subvolume(at: "d") == nil)
            let snapshot = await failure { try await tree.createSnapshot(of: "d", at: "s", isReadOnly: true) }
            #expect(snapshot == .notSupported)
        }
    }
}
