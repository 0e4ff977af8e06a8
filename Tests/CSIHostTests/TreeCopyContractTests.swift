import CSIHost
import CSITestKit
import Synchronization
import SystemPackage
import Testing

@Suite("Copying trees: the same contract for the model and for Linux")
struct TreeCopyContractTests {
    private func copy(
        _ rig: any TreeRig, _ source: FilePath = "v", to destination: FilePath = "c",
        options: TreeCopyOptions = TreeCopyOptions()
    ) async throws -> TreeCopyProgress {
        let tree = try await rig.tree()
        return try await tree.copyTree(from: tree.openDirectory(source), to: destination, options: options)
    }

    @Test(arguments: HostKind.allCases)
    func `a copy has the same files with everything that belongs to them`(kind: HostKind) async throws {
        try await withTrees(kind) { rig in
            let tree = try await rig.tree()
            let base = rig.scratch
            try await rig.makeDirectories("v", "v/a", "v/a/b", "v/empty")
            try await tree.writeFileDurably("v/file", [1, 2, 3], permissions: FilePermissions(rawValue: 0o4750))
            try await tree.writeFileDurably("v/a/b/none", [], permissions: FilePermissions(rawValue: 0o400))
            try rig.addHardLink(base.appending("v/a/other"), to: base.appending("v/file"))
            try rig.addHardLink(base.appending("v/a/b/third"), to: base.appending("v/file"))
            try rig.addSymbolicLink(base.appending("v/a/link"), to: "../../outside")
            try rig.addFIFO(base.appending("v/a/fifo"))
            try rig.setAttribute("user.color", of: base.appending("v/a/b/none"), to: [7, 0, 8])
            try rig.setAttribute("user.color", of: base.appending("v/a"), to: [])
            try await tree.setPermissions("v/a", FilePermissions(rawValue: 0o2711))
            for path: FilePath in ["v/file", "v/a/link", "v/a/fifo", "v/a", "v"] {
                try rig.setModified(base.appending(path.string), to: 1_000_000_007)
            }
            let result = try await copy(rig)
            #expect(result.entries == 10 && result.copiedBytes + result.sharedBytes == 3)
            for path: FilePath in ["", "file", "a", "a/b", "a/b/none", "a/link", "a/fifo", "a/other", "empty"] {
                let original = try #require(try await tree.metadata(of: FilePath("v").pushing(path)))
                let copied = try #require(try await tree.metadata(of: FilePath("c").pushing(path)), "\(path)")
                #expect(copied.kind == original.kind && copied.permissions == original.permissions, "\(path)")
                #expect(copied.userID == original.userID && copied.groupID == original.groupID, "\(path)")
                #expect(copied.modified == original.modified && copied.inode != original.inode, "\(path)")
            }
            #expect(try await tree.metadata(of: "c")?.modified == 1_000_000_007)
            #expect(try await tree.readFile("c/file", limit: 9) == [1, 2, 3])
            let copied = try await tree.identity(of: "c/file")
            #expect(try await tree.identity(of: "c/a/other") == copied)
            #expect(try await tree.identity(of: "c/a/b/third") == copied)
            #expect(rig.target(ofLink: base.appending("c/a/link")) == "../../outside")
            #expect(rig.attribute("user.color", of: base.appending("c/a/b/none")) == [7, 0, 8])
            #expect(rig.attribute("user.color", of: base.appending("c/a")) == [])
            #expect(rig.attribute("user.color", of: base.appending("c/file")) == nil)
            #expect(try await tree.list("c", limit: 9).map(\.name.string) == ["a", "empty", "file"])
            // The two are not connected.
            #expect(rig.applicationWrites(base.appending("c/file"), [9]))
            #expect(try await tree.readFile("v/file", limit: 9) == [1, 2, 3])
        }
    }

    @Test(arguments: HostKind.allCases)
    func `holes stay holes`(kind: HostKind) async throws {
        try await withTrees(kind) { rig in
            let tree = try await rig.tree()
            try await rig.makeDirectories("v")
            try await tree.createFile("v/sparse", size: 8 << 20, allocation: .sparse, permissions: [.ownerReadWrite])
            #expect(rig.write([2], into: rig.scratch.appending("v/sparse"), at: 5 << 20))
            let seen = Mutex<[TreeCopyProgress]>([])
            let options = TreeCopyOptions { step in seen.withLock { $0.append(step) } }
            let result = try await copy(rig, options: options)
            #expect(rig.bytes(of: rig.scratch.appending("c/sparse"), at: (5 << 20) - 1, count: 3) == [0, 2, 0])
            let metadata = try #require(try await tree.metadata(of: "c/sparse"))
            #expect(metadata.size == 8 << 20 && metadata.allocatedBytes < 1 << 20)
            #expect(seen.withLock { $0.last } == result && result.entries == 2)
        }
    }

    @Test(arguments: HostKind.allCases)
    func `a copy goes to another tree, and into an empty directory`(kind: HostKind) async throws {
        try await withTrees(kind) { rig in
            let tree = try await rig.tree()
            try await rig.makeDirectories(
                "v", "v/d", "elsewhere", "elsewhere/ready", "elsewhere/full", "elsewhere/full/x")
            try await tree.writeFileDurably("v/file", [1])
            try await tree.writeFileDurably("elsewhere/taken", [1])
            try rig.addSymbolicLink(rig.scratch.appending("elsewhere/link"), to: "ready")
            let source = try await tree.openDirectory("v")
            let target = try await tree.openDirectory("elsewhere")
            let options = TreeCopyOptions()
            try await target.copyTree(from: source, to: "new", options: options)
            try await target.copyTree(from: source, to: "ready", options: options)
            for name in ["new", "ready"] {
                #expect(try await target.list(FilePath(name), limit: 9).map(\.name.string) == ["d", "file"])
                #expect(try await target.metadata(of: FilePath(name))?.permissions.rawValue == 0o755)
            }
            for (name, kind): (FilePath, HostError.Kind) in [
                ("full", .notEmpty), ("taken", .alreadyExists), ("link", .alreadyExists), ("no/new", .notFound),
                ("../out", .invalidPath), ("", .invalidPath),
            ] {
                let found = await failure { try await target.copyTree(from: source, to: name, options: options) }
                #expect(found == kind, "\(name)")
            }
        }
    }

    @Test(arguments: HostKind.allCases)
    func `a tree is not copied into itself`(kind: HostKind) async throws {
        try await withTrees(kind) { rig in
            try await rig.makeDirectories("v", "v/d")
            #expect(await failure { try await copy(rig, to: "v/d/c") } == .invalidArgument)
        }
    }

    @Test(arguments: HostKind.allCases)
    func `wide and deep trees are copied`(kind: HostKind) async throws {
        try await withTrees(kind) { rig in
            let tree = try await rig.tree()
            try await rig.makeDirectories("v")
            // More than one buffer of names; deeper than directories are held open, and than a path can say.
            let wide = kind == .linux ? 1500 : 20
            for index in 0..<wide {
                try await tree.createDirectory(FilePath("v/d\(index)"), permissions: [.ownerReadWriteExecute])
                try await tree.createFile(
                    FilePath("v/f\(index)"), size: 0, allocation: .sparse, permissions: [.ownerReadWrite])
            }
            let levels = kind == .fake ? 30 : HostKind.mountsAreAllowed ? 1200 : 200
            try rig.addLevels(levels, below: rig.scratch.appending("v"))
            let result = try await copy(rig)
            // Each level is a file, and a directory but for the last one of the model.
            #expect([0, 1].contains(Int64(1 + 2 * wide + 2 * levels) - result.entries))
            let again = try await copy(rig, "c", to: "again")
            #expect(again.entries == result.entries)
            #expect(try await tree.list("c", limit: 4000).count == 2 * wide + (levels > 0 ? 2 : 0))
        }
    }

    @Test(arguments: HostKind.allCases)
    func `a cancelled copy stops`(kind: HostKind) async throws {
        try await withTrees(kind) { rig in
            let tree = try await rig.tree()
            try await rig.makeDirectories("v", "v/a")
            try await tree.writeFileDurably("v/a/file", [1])
            let copying = Task { () throws in
                withUnsafeCurrentTask { $0?.cancel() }
                _ = try await copy(rig)
            }
            #expect(await failure { try await copying.value } == .cancelled)
            try await tree.removeTree("c")
            #expect(try await copy(rig).entries == 3)
        }
    }

    @Test(arguments: HostKind.mounting)
    func `what does not fit fails`(kind: HostKind) async throws {
        try await withTrees(kind) { rig in
            let tree = try await rig.tree()
            let small = rig.scratch.appending("small")
            try rig.addFileSystem(at: small, bytes: 1 << 20)
            try await rig.makeDirectories("v")
            try await tree.createFile(
                "v/large", size: 4 << 20, allocation: .allocated, permissions: [.ownerReadWrite])
            #expect(rig.write(Array(repeating: 1, count: 4 << 20), into: rig.scratch.appending("v/large"), at: 0))
            let target = try await rig.files.openDirectory(small)
            let source = try await tree.openDirectory("v")
            let options = TreeCopyOptions()
            #expect(await failure { try await target.copyTree(from: source, to: "c", options: options) } == .noSpace)
            let shared = TreeCopyOptions(sharing: .required)
            #expect(
                await failure { try await target.copyTree(from: source, to: "s", options: shared) } == .notSupported)
            try await target.removeTree("c")
            #expect(try await !target.exists("c"))
        }
    }

    @Test(arguments: HostKind.mounting)
    func `a mount in the tree is refused and named`(kind: HostKind) async throws {
        try await withTrees(kind) { rig in
            try await rig.makeDirectories("v", "v/a", "v/a/mnt")
            try rig.addFileSystem(at: rig.scratch.appending("v/a/mnt"), bytes: 1 << 20)
            #expect(await failure { try await copy(rig) } == .crossesMount)
        }
    }

    @Test func `a copy is durable, and half of one is not`() async throws {
        let rig = FakeRig()
        let tree = try await rig.tree()
        rig.fake.addFile("/scratch/v/a/file", [1, 2])
        try await tree.copyTree(from: tree.openDirectory("v"), to: "c", options: TreeCopyOptions())
        try await tree.syncDirectory("")
        rig.fake.restart(after: .power)
        #expect(rig.fake.content(of: "/scratch/c/a/file") == [1, 2])
        rig.fake.crash(.during, afterMutations: 0)
        let again = try await rig.tree()
        let crash = await failure {
            try await again.copyTree(from: again.openDirectory("v"), to: "half", options: TreeCopyOptions())
        }
        #expect(crash == .crashed)
        rig.fake.restart()
        #expect(rig.fake.metadata(of: "/scratch/half")?.kind == .directory)
        #expect(rig.fake.content(of: "/scratch/half/a/file") == nil)
    }
}
