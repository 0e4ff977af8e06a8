import CSIHost
import SystemPackage
import Testing

@Suite("Files: the same contract for the model and for Linux")
struct FileContractTests {
    private let mode700 = FilePermissions(rawValue: 0o700)

    @Test(arguments: HostKind.allCases)
    func `a directory gets exactly the mode that was asked for`(kind: HostKind) async throws {
        try await withHost(kind) { rig in
            let tree = try await rig.tree()
            for mode in [0o777, 0o700, 0o2775, 0o1777] as [CInterop.Mode] {
                let name = FilePath("d\(mode)")
                try await tree.createDirectory(name, permissions: FilePermissions(rawValue: mode))
                let metadata = try #require(try await tree.metadata(of: name))
                #expect(metadata.permissions.rawValue == mode)
                #expect(metadata.kind == .directory)
            }
            #expect(await failure { try await tree.createDirectory("d448", permissions: mode700) } == .alreadyExists)
            #expect(await failure { try await tree.createDirectory("no/d", permissions: mode700) } == .notFound)
        }
    }

    @Test(arguments: HostKind.allCases)
    func `a durable write is read back, replaced, or refused when the name is taken`(kind: HostKind) async throws {
        try await withHost(kind) { rig in
            let tree = try await rig.tree()
            try await rig.makeDirectories("v")
            try await tree.writeFileDurably("v/meta", [1, 2, 3], permissions: FilePermissions(rawValue: 0o640))
            #expect(try await tree.readFile("v/meta", limit: 3) == [1, 2, 3])
            #expect(try await tree.metadata(of: "v/meta")?.permissions.rawValue == 0o640)
            try await tree.writeFileDurably("v/meta", [])
            #expect(try await tree.readFile("v/meta", limit: 0) == [])
            let refused = await failure {
                try await tree.writeFileDurably("v/meta", [9], permissions: mode700, replacing: false)
            }
            #expect(refused == .alreadyExists)
            #expect(await failure { try await tree.writeFileDurably("v", [9]) } == .isDirectory)
            // Whatever failed left nothing beside the file.
            #expect(try await tree.list("v", limit: 10).map(\.name.string) == ["meta"])
        }
    }

    @Test(arguments: HostKind.allCases)
    func `reading stops at its limit and at what is no file`(kind: HostKind) async throws {
        try await withHost(kind) { rig in
            let tree = try await rig.tree()
            try await rig.makeDirectories("d")
            let big = [UInt8](repeating: 7, count: 100_000)
            try await tree.writeFileDurably("big", big)
            #expect(try await tree.readFile("big", limit: 100_000) == big)
            #expect(await failure { try await tree.readFile("big", limit: 99_999) } == .tooLarge)
            #expect(await failure { try await tree.readFile("d", limit: 10) } == .isDirectory)
            #expect(await failure { try await tree.readFile("none", limit: 10) } == .notFound)
            #expect(await failure { try await tree.readFile("big/x", limit: 10) } == .notDirectory)
        }
    }

    @Test(arguments: HostKind.allCases)
    func `listing is sorted by bytes, knows kinds, and stops at its limit`(kind: HostKind) async throws {
        try await withHost(kind) { rig in
            let tree = try await rig.tree()
            try await rig.makeDirectories("b", "b/inner")
            try await tree.writeFileDurably("a\u{fc}", [])
            try await tree.writeFileDurably("a b\nc", [])
            try rig.addSymbolicLink(rig.scratch.appending("Z"), to: "/nowhere")
            let entries = try await tree.list("", limit: 4)
            #expect(entries.map(\.name.string) == ["Z", "a b\nc", "a\u{fc}", "b"])
            #expect(entries.map(\.kind) == [.symbolicLink, .regular, .regular, .directory])
            #expect(await failure { try await tree.list("", limit: 3) } == .tooLarge)
            #expect(try await tree.list("b/inner", limit: 0) == [])
            #expect(await failure { try await tree.list("a b\nc", limit: 9) } == .notDirectory)
        }
    }

    @Test(arguments: HostKind.allCases)
    func `many directories are asked at once for a child of one name`(kind: HostKind) async throws {
        try await withHost(kind) { rig in
            let tree = try await rig.tree()
            try await rig.makeDirectories("v", "v/a", "v/a/data", "v/b", "v/c", "v/c/data", "v/c/data/data")
            try await tree.writeFileDurably("v/b/data", [])
            try await tree.writeFileDurably("v/file", [])
            try rig.addSymbolicLink(rig.scratch.appending("v/a/link"), to: rig.scratch.appending("v/a/data"))
            let names = ["c", "none", "a", "b", "file"]
            let answers = try await tree.metadata(of: "data", inEachOf: names, in: "v").map { try $0.get() }
            #expect(answers.map { $0?.kind } == [.directory, nil, .directory, .regular, nil])
            for (name, answer) in zip(names, answers) where answer != nil {
                #expect(try await tree.metadata(of: FilePath("v/\(name)/data")) == answer)
            }
            let links = try await tree.metadata(of: "link", inEachOf: ["a"], in: "v")
            #expect(try links.map { try $0.get()?.kind } == [.symbolicLink])
            #expect(try await tree.metadata(of: "a", inEachOf: ["v"], in: "")[0].get()?.kind == .directory)
            #expect(try await tree.metadata(of: "a", inEachOf: [], in: "v") == [])
            // What cannot be asked for says nothing of the others.
            let long = String(repeating: "x", count: 256)
            let some = try await tree.metadata(of: "data", inEachOf: ["c", long, "a"], in: "v")
            #expect(try some[0].get()?.kind == .directory && some[2].get()?.kind == .directory)
            #expect(throws: HostError.self) { try some[1].get() }
            for bad in ["", ".", "..", "a/data", "a\0"] {
                #expect(
                    await failure { try await tree.metadata(of: "data", inEachOf: [bad], in: "v") } == .invalidPath,
                    "\(bad)")
            }
            #expect(await failure { try await tree.metadata(of: "../c", inEachOf: ["a"], in: "v") } == .invalidPath)
            #expect(await failure { try await tree.metadata(of: "b", inEachOf: ["a"], in: "x") } == .notFound)
        }
    }

    @Test(arguments: HostKind.allCases)
    func `a new file is written once and has its mode`(kind: HostKind) async throws {
        try await withHost(kind) { rig in
            let tree = try await rig.tree()
            try await rig.makeDirectories("v")
            try await tree.writeNewFile("v/record", [1, 2, 3], permissions: FilePermissions(rawValue: 0o640))
            #expect(try await tree.readFile("v/record", limit: 9) == [1, 2, 3])
            #expect(try await tree.metadata(of: "v/record")?.permissions.rawValue == 0o640)
            let taken = await failure { try await tree.writeNewFile("v/record", [], permissions: mode700) }
            #expect(taken == .alreadyExists)
            #expect(try await tree.readFile("v/record", limit: 9) == [1, 2, 3])
            #expect(await failure { try await tree.writeNewFile("x/record", [], permissions: mode700) } == .notFound)
        }
    }

    @Test(arguments: HostKind.allCases)
    func `steps are done in their order until one fails`(kind: HostKind) async throws {
        try await withHost(kind) { rig in
            let tree = try await rig.tree()
            try await Self.performSteps(in: tree)
        }
    }

    static func performSteps(in tree: any DirectoryTree) async throws {
        let mode = FilePermissions(rawValue: 0o2770)
        let outcomes = try await tree.perform([
            .readFile("d/file", limit: 9), .metadata("d"), .createDirectory("d", mode), .syncDirectory(""),
            .writeFileDurably("d/file", [1, 2], FilePermissions(rawValue: 0o666), replacing: false),
            .setPermissions("d/file", FilePermissions(rawValue: 0o640)), .setOwner("d/file", userID: nil, groupID: nil),
            .readFile("d/file", limit: 9), .metadata("d/file"), .metadata("d"),
        ])
        #expect(outcomes.count == 10)
        #expect(outcomes.prefix(2) == [.content(nil), .metadata(nil)])
        #expect(outcomes[2..<7].allSatisfy { $0 == .done })
        #expect(outcomes[7].content == [1, 2])
        #expect(outcomes[8].metadata?.permissions.rawValue == 0o640)
        #expect(outcomes[9].metadata?.permissions == mode)
        let failed = await #expect(throws: HostError.self) {
            try await tree.perform([.removeFile("d/file"), .createDirectory("d", mode), .removeDirectory("d")])
        }
        #expect(failed?.kind == .alreadyExists)
        #expect(failed?.operation == .createDirectory)
        #expect(try await tree.list("", limit: 9).map(\.name.string) == ["d"])
        #expect(try await tree.list("d", limit: 9).isEmpty)
        let removals: [TreeStep] = [.removeDirectory("d"), .removeDirectory("d"), .removeFile("none")]
        #expect(try await tree.perform(removals) == [.done, .done, .done])
        #expect(try await tree.perform([]).isEmpty)
        let outside = await #expect(throws: HostError.self) {
            try await tree.perform([.createDirectory("e", mode), .removeFile("../x")])
        }
        #expect(outside?.kind == .invalidPath)
    }

    @Test(arguments: HostKind.allCases)
    func `a name need not be text`(kind: HostKind) async throws {
        try await withHost(kind) { rig in
            let tree = try await rig.tree()
            let name = FilePath(platformString: [-1, -2, 0x20, 0x7f, 0])
            try await tree.createDirectory(name, permissions: mode700)
            try await tree.writeFileDurably(name.pushing(name), [1])
            let listed = try await tree.list("", limit: 1).map(\.name)
            #expect(listed == [name.lastComponent])
            #expect(try await tree.readFile(name.pushing(name), limit: 1) == [1])
            try await tree.removeTree(name)
            #expect(try await !tree.exists(name))
        }
    }

    @Test(arguments: HostKind.allCases)
    func `paths cannot leave the tree`(kind: HostKind) async throws {
        try await withHost(kind) { rig in
            let tree = try await rig.tree()
            try await rig.makeDirectories("d")
            for path in ["..", "../etc/passwd", "d/../..", "/etc/passwd"] as [FilePath] {
                #expect(await failure { try await tree.readFile(path, limit: 9) } == .invalidPath, "\(path)")
                #expect(await failure { try await tree.removeTree(path) } == .invalidPath, "\(path)")
                #expect(await failure { try await tree.metadata(of: path) } == .invalidPath, "\(path)")
            }
            for path in ["", "."] as [FilePath] {
                #expect(await failure { try await tree.removeTree(path) } == .invalidPath)
                #expect(await failure { try await tree.writeFileDurably(path, []) } == .invalidPath)
            }
            #expect(try await tree.metadata(of: "./d/.")?.kind == .directory)
        }
    }

    @Test(arguments: HostKind.allCases)
    func `links are reported, never followed`(kind: HostKind) async throws {
        try await withHost(kind) { rig in
            let tree = try await rig.tree()
            try await rig.makeDirectories("real", "real/d")
            try await tree.writeFileDurably("real/secret", [1])
            try rig.addSymbolicLink(rig.scratch.appending("link"), to: rig.scratch.appending("real"))
            try rig.addSymbolicLink(rig.scratch.appending("file"), to: "real/secret")
            #expect(try await tree.metadata(of: "link")?.kind == .symbolicLink)
            #expect(await failure { try await tree.metadata(of: "link/d") } == .symbolicLink)
            #expect(await failure { try await tree.readFile("file", limit: 9) } == .symbolicLink)
            #expect(await failure { try await tree.readFile("link/secret", limit: 9) } == .symbolicLink)
            #expect(await failure { try await tree.openDirectory("link") } == .symbolicLink)
            #expect(await failure { try await tree.createDirectory("link/x", permissions: mode700) } == .symbolicLink)
            #expect(await failure { try await tree.writeFileDurably("link/x", []) } == .symbolicLink)
            #expect(await failure { try await tree.removeTree("link/d") } == .symbolicLink)
            #expect(await failure { try await tree.setPermissions("file", mode700) } == .symbolicLink)
            let through = rig.scratch.appending("link")
            #expect(await failure { try await rig.files.openDirectory(through) } == .symbolicLink)
            #expect(try await rig.files.canonicalPath(of: through) == rig.scratch.appending("real"))
            // A durable write replaces the link itself.
            try await tree.writeFileDurably("file", [2])
            #expect(try await tree.readFile("real/secret", limit: 9) == [1])
        }
    }

    @Test(arguments: HostKind.allCases)
    func `a rename keeps its promises about the new name`(kind: HostKind) async throws {
        try await withHost(kind) { rig in
            let tree = try await rig.tree()
            try await rig.makeDirectories("a.partial", "trash", "full", "full/x", "empty")
            try await tree.writeFileDurably("a.partial/meta", [1])
            try await tree.renameDurably(from: "a.partial", to: "a")
            #expect(try await tree.readFile("a/meta", limit: 9) == [1])
            #expect(try await tree.metadata(of: "a.partial") == nil)
            try await tree.renameDurably(from: "a", to: "trash/a")
            #expect(try await tree.exists("trash/a/meta"))
            #expect(await failure { try await tree.renameDurably(from: "a", to: "b") } == .notFound)
            #expect(await failure { try await tree.renameDurably(from: "empty", to: "full") } == .alreadyExists)
            let onto = { (from: FilePath, to: FilePath) in
                await failure { try await tree.renameDurably(from: from, to: to, replacing: true) }
            }
            #expect(await onto("empty", "full") == .notEmpty)
            #expect(await onto("full", "full/x/y") == .invalidArgument)
            #expect(await onto("trash/a/meta", "empty") == .isDirectory)
            #expect(await onto("empty", "trash/a/meta") == .notDirectory)
            #expect(await onto("full", "empty") == nil)
            #expect(try await tree.exists("empty/x"))
        }
    }

    @Test(arguments: HostKind.allCases)
    func `a tree stays with its directory when that is renamed`(kind: HostKind) async throws {
        try await withHost(kind) { rig in
            let tree = try await rig.tree()
            try await rig.makeDirectories("old")
            let inner = try await tree.openDirectory("old")
            try await tree.renameDurably(from: "old", to: "new")
            try await inner.writeFileDurably("f", [5])
            #expect(try await tree.readFile("new/f", limit: 9) == [5])
        }
    }

    @Test(arguments: HostKind.allCases)
    func `single names are removed by what they are`(kind: HostKind) async throws {
        try await withHost(kind) { rig in
            let tree = try await rig.tree()
            try await rig.makeDirectories("d", "d/e")
            try await tree.writeFileDurably("f", [1])
            try rig.addSymbolicLink(rig.scratch.appending("l"), to: "d")
            #expect(await failure { try await tree.removeFile("d") } == .isDirectory)
            #expect(await failure { try await tree.removeDirectory("d") } == .notEmpty)
            #expect(await failure { try await tree.removeDirectory("f") } == .notDirectory)
            #expect(try await tree.removeDirectory("d/e"))
            #expect(try await tree.removeFile("l"))
            #expect(try await tree.removeFile("f"))
            #expect(try await !tree.removeFile("f"))
            #expect(try await tree.removeDirectory("d"))
            #expect(try await !tree.removeDirectory("d"))
            #expect(try await tree.list("", limit: 9) == [])
        }
    }

    @Test(arguments: HostKind.allCases)
    func `mode and owner are changed and read back`(kind: HostKind) async throws {
        try await withHost(kind) { rig in
            let tree = try await rig.tree()
            try await rig.makeDirectories("d")
            let before = try #require(try await tree.metadata(of: "d"))
            try await tree.setPermissions("d", FilePermissions(rawValue: 0o2750))
            try await tree.setOwner("d", userID: nil, groupID: before.groupID)
            let after = try #require(try await tree.metadata(of: "d"))
            #expect(after.permissions.rawValue == 0o2750)
            #expect((after.userID, after.groupID) == (before.userID, before.groupID))
            try await tree.setPermissions("", mode700)
            #expect(try await tree.metadata(of: "")?.permissions == mode700)
        }
    }

    @Test(arguments: HostKind.allCases)
    func `a lock has one holder at a time`(kind: HostKind) async throws {
        try await withHost(kind) { rig in
            let tree = try await rig.tree()
            let first = try await tree.lock("lock")
            #expect(await failure { try await tree.lock("lock") } == .lockHeld)
            first.release()
            first.release()
            do {
                let second = try await tree.lock("lock")
                #expect(await failure { try await tree.lock("lock") } == .lockHeld)
                withExtendedLifetime(second) {}
            }
            _ = try await tree.lock("lock")
            #expect(try await tree.metadata(of: "lock")?.permissions.rawValue == 0o600)
        }
    }

    @Test(arguments: HostKind.allCases)
    func `syncing works on trees with links and on single directories`(kind: HostKind) async throws {
        try await withHost(kind) { rig in
            let tree = try await rig.tree()
            try await rig.makeDirectories("d", "d/e", "d/e/f", "d/g")
            try await tree.writeFileDurably("d/e/file", [1])
            try rig.addSymbolicLink(rig.scratch.appending("d/link"), to: "/nowhere")
            try await tree.syncTree("d")
            try await tree.syncTree("")
            try await tree.syncDirectory("")
            try await tree.syncDirectory("d/e")
            #expect(await failure { try await tree.syncTree("none") } == .notFound)
            #expect(await failure { try await tree.syncDirectory("d/e/file") } == .notDirectory)
        }
    }

    @Test(arguments: HostKind.allCases)
    func `names and paths have limits`(kind: HostKind) async throws {
        try await withHost(kind) { rig in
            let tree = try await rig.tree()
            let longest = FilePath(String(repeating: "n", count: 255))
            let tooLong = FilePath(String(repeating: "n", count: 256))
            try await tree.createDirectory(longest, permissions: mode700)
            #expect(await failure { try await tree.createDirectory(tooLong, permissions: mode700) } == .invalidPath)
            let deep = FilePath(Array(repeating: "d", count: 2100).joined(separator: "/"))
            #expect(await failure { try await tree.metadata(of: deep) } == .invalidPath)
        }
    }

    @Test(arguments: HostKind.allCases)
    func `mount points are created and removed without ever touching content`(kind: HostKind) async throws {
        try await withHost(kind) { rig in
            let (directory, file) = (rig.scratch.appending("target"), rig.scratch.appending("block"))
            let files = rig.files
            let make = { (path: FilePath, kind: FileKind) in
                try await files.createMountPoint(path, kind: kind, permissions: FilePermissions(rawValue: 0o750))
            }
            #expect(try await make(directory, .directory))
            #expect(try await !make(directory, .directory))
            #expect(try await files.metadata(of: directory)?.permissions.rawValue == 0o750)
            #expect(await failure { try await make(directory, .regular) } == .wrongType)
            #expect(try await make(file, .regular))
            #expect(try await !make(file, .regular))
            #expect(await failure { try await make(file, .directory) } == .wrongType)
            #expect(await failure { try await make(rig.scratch.appending("no/t"), .directory) } == .notFound)
            #expect(await failure { try await make("relative", .directory) } == .invalidPath)
            #expect(await failure { try await make("/", .directory) } == .invalidPath)

            #expect(rig.applicationWrites(directory.appending("data"), [1]))
            #expect(await failure { try await files.removeMountPoint(directory) } == .notEmpty)
            #expect(rig.applicationWrites(file, [1]))
            #expect(await failure { try await files.removeMountPoint(file) } == .notEmpty)
            try await rig.tree().removeFile("target/data")
            #expect(rig.applicationWrites(file, []))
            #expect(try await files.removeMountPoint(directory))
            #expect(try await files.removeMountPoint(file))
            #expect(try await !files.removeMountPoint(directory))
            #expect(try await !files.removeMountPoint(rig.scratch.appending("no/such/thing")))
        }
    }

    @Test(arguments: HostKind.allCases)
    func `a mount point is never a link nor behind one`(kind: HostKind) async throws {
        try await withHost(kind) { rig in
            try await rig.makeDirectories("real")
            let link = rig.scratch.appending("link")
            try rig.addSymbolicLink(link, to: "real")
            for path in [link, link.appending("t")] {
                let made = await failure {
                    try await rig.files.createMountPoint(path, kind: .directory, permissions: mode700)
                }
                #expect(made == .symbolicLink)
                #expect(await failure { try await rig.files.removeMountPoint(path) } == .symbolicLink)
            }
        }
    }

    @Test(arguments: HostKind.allCases)
    func `capacity is sane`(kind: HostKind) async throws {
        try await withHost(kind) { rig in
            let capacity = try await rig.files.capacity(of: rig.scratch)
            #expect(capacity.totalBytes > 0)
            #expect(capacity.availableBytes <= capacity.totalBytes)
            #expect(capacity.usedBytes <= capacity.totalBytes)
            #expect(capacity.usedInodes <= capacity.totalInodes)
            #expect(try await rig.tree().capacity().totalBytes == capacity.totalBytes)
            #expect(await failure { try await rig.files.capacity(of: rig.scratch.appending("no")) } == .notFound)
        }
    }

    @Test(arguments: HostKind.allCases)
    func `unique names differ and are file names`(kind: HostKind) async throws {
        try await withHost(kind) { rig in
            let names = (0..<100).map { _ in rig.files.uniqueName(prefix: "v-") }
            #expect(Set(names).count == 100)
            #expect(names.allSatisfy { $0.hasPrefix("v-") && $0.count == 18 })
        }
    }
}
