import CSIHost
import CSITestKit
import Synchronization
import SystemPackage
import Testing

@Suite("Image files: the same contract for the model and for Linux")
struct ImageContractTests {
    private let mode: FilePermissions = [.ownerReadWrite]

    @Test(arguments: HostKind.attaching, ["ext4", "xfs", "btrfs"])
    func `a directory is completed under its own name or keeps the old one`(kind: HostKind, type: String) async throws {
        try await withDevices(kind) { rig in
            let place = rig.scratch.appending("place")
            try rig.addFileSystem(type, at: place)
            let tree = try await rig.host.files.openDirectory(place)
            for name in ["a.partial", "b.partial"] {
                try await tree.createDirectory(FilePath(name), permissions: .ownerReadWriteExecute)
                try await tree.createDirectory(FilePath(name).appending("data"), permissions: .ownerReadWriteExecute)
            }
            let mode = FilePermissions(rawValue: 0o640)
            try await tree.completeDirectory("a.partial", as: "a", with: "record", [1, 2, 3], permissions: mode)
            #expect(try await !tree.exists("a.partial"))
            #expect(try await tree.readFile("a/record", limit: 9) == [1, 2, 3])
            #expect(try await tree.metadata(of: "a/record")?.permissions == mode)
            #expect(try await tree.metadata(of: "a/data")?.kind == .directory)

            func failing(_ destination: FilePath, _ file: FilePath.Component, _ from: FilePath) async -> HostError.Kind?
            {
                await failure {
                    try await tree.completeDirectory(from, as: destination, with: file, [4], permissions: mode)
                }
            }
            #expect(await failing("b", "data", "b.partial") == .alreadyExists)
            #expect(await failing("a", "record", "b.partial") == .alreadyExists)
            #expect(await failing("c", "record", "c.partial") == .notFound)
            #expect(try await tree.exists("b.partial/data"))
            #expect(try await !tree.exists("b"))
            #expect(try await tree.readFile("a/record", limit: 9) == [1, 2, 3])
        }
    }

    @Test(arguments: HostKind.allCases)
    func `a thin file of a tebibyte takes no room`(kind: HostKind) async throws {
        try await withDevices(kind) { rig in
            let tree = try await rig.tree()
            try await tree.createFile("thin", size: 1 << 40, allocation: .sparse, permissions: mode)
            let metadata = try #require(try await tree.metadata(of: "thin"))
            #expect(metadata.kind == .regular && metadata.size == 1 << 40 && metadata.permissions == mode)
            #expect(metadata.allocatedBytes == 0)
            #expect(rig.write([1], into: rig.scratch.appending("thin"), at: 1 << 39))
            #expect(rig.bytes(of: rig.scratch.appending("thin"), at: (1 << 39) - 1, count: 3) == [0, 1, 0])
            let written = try #require(try await tree.metadata(of: "thin"))
            #expect(written.size == 1 << 40 && (1...(1 << 16)).contains(written.allocatedBytes))
        }
    }

    @Test(arguments: HostKind.allCases)
    func `a thick file has its room from the beginning`(kind: HostKind) async throws {
        try await withDevices(kind) { rig in
            let tree = try await rig.tree()
            let before = try await tree.capacity().availableBytes
            try await tree.createFile("thick", size: 8 << 20, allocation: .allocated, permissions: mode)
            #expect(try await tree.metadata(of: "thick")?.size == 8 << 20)
            #expect(try await tree.metadata(of: "thick")?.allocatedBytes ?? 0 >= 8 << 20)
            if HostKind.mountsAreAllowed || kind == .fake {
                #expect(try await tree.capacity().availableBytes <= before - (8 << 20))
            }
            #expect(rig.bytes(of: rig.scratch.appending("thick"), at: (8 << 20) - 2, count: 9) == [0, 0])
        }
    }

    @Test(arguments: HostKind.allCases)
    func `a name that is taken stays as it is`(kind: HostKind) async throws {
        try await withDevices(kind) { rig in
            let tree = try await rig.tree()
            try await tree.writeFileDurably("taken", [1, 2, 3])
            let create = { (path: FilePath, size: Int64) in
                await failure { try await tree.createFile(path, size: size, allocation: .sparse, permissions: mode) }
            }
            #expect(await create("taken", 10) == .alreadyExists)
            #expect(await create("new", -1) == .invalidArgument)
            #expect(await create("no/new", 1) == .notFound)
            #expect(await create("../new", 1) == .invalidPath)
            #expect(try await tree.readFile("taken", limit: 9) == [1, 2, 3])
            #expect(try await tree.list("", limit: 9).map(\.name) == ["taken"])
            try await tree.createFile("empty", size: 0, allocation: .allocated, permissions: mode)
            #expect(try await tree.metadata(of: "empty")?.size == 0)
        }
    }

    @Test(arguments: HostKind.mounting)
    func `what does not fit leaves nothing behind`(kind: HostKind) async throws {
        try await withDevices(kind) { rig in
            let tree = try await rig.tree()
            let free = try await tree.capacity().availableBytes
            let create = await failure {
                try await tree.createFile("thick", size: 1 << 30, allocation: .allocated, permissions: mode)
            }
            #expect(create == .noSpace)
            #expect(try await tree.metadata(of: "thick") == nil)
            try await tree.createFile("thick", size: 1 << 20, allocation: .allocated, permissions: mode)
            let grow = await failure { try await tree.setFileSize("thick", to: 1 << 30, allocation: .allocated) }
            #expect(grow == .noSpace)
            #expect(try await tree.metadata(of: "thick")?.size == 1 << 20)
            #expect(try await tree.capacity().availableBytes >= free - (2 << 20))
        }
    }

    @Test(arguments: HostKind.allCases)
    func `files grow and never shrink`(kind: HostKind) async throws {
        try await withDevices(kind) { rig in
            let tree = try await rig.tree()
            try await tree.writeFileDurably("file", [1, 2, 3])
            try await rig.makeDirectories("directory")
            try rig.addSymbolicLink(rig.scratch.appending("link"), to: "file")
            let resize = { (path: FilePath, size: Int64) in
                await failure { try await tree.setFileSize(path, to: size, allocation: .sparse) }
            }
            #expect(await resize("file", 1 << 20) == nil)
            #expect(await resize("file", 1 << 20) == nil)
            #expect(await resize("file", (1 << 20) - 1) == .invalidArgument)
            #expect(await resize("file", -1) == .invalidArgument)
            #expect(await resize("none", 1) == .notFound)
            #expect(await resize("directory", 1) == .isDirectory)
            #expect(await resize("link", 1 << 20) == .symbolicLink)
            #expect(try await tree.metadata(of: "file")?.size == 1 << 20)
            #expect(rig.bytes(of: rig.scratch.appending("file"), at: 0, count: 4) == [1, 2, 3, 0])
            try await tree.setFileSize("file", to: 1 << 20, allocation: .allocated)
            #expect(try await tree.metadata(of: "file")?.allocatedBytes ?? 0 >= 1 << 20)
            #expect(rig.bytes(of: rig.scratch.appending("file"), at: 0, count: 4) == [1, 2, 3, 0])
        }
    }

    /// A file of 8 MiB with data at the beginning, in the middle, and holes elsewhere.
    private func makeSource(_ rig: any DeviceRig, _ directory: FilePath) async throws -> any DirectoryTree {
        let tree = try await rig.files.openDirectory(directory)
        try await tree.createFile("source", size: 8 << 20, allocation: .sparse, permissions: [.ownerRead])
        let path = directory.appending("source")
        #expect(rig.write(Array(repeating: 1, count: 70_000), into: path, at: 0))
        #expect(rig.write([2], into: path, at: 5 << 20))
        return tree
    }

    private func expectCopy(_ rig: any DeviceRig, of source: FilePath, at copy: FilePath) {
        #expect(rig.bytes(of: copy, at: 0, count: 8 << 20) == rig.bytes(of: source, at: 0, count: 8 << 20))
    }

    @Test(arguments: HostKind.allCases)
    func `a copy has the data and the holes`(kind: HostKind) async throws {
        try await withDevices(kind) { rig in
            let tree = try await makeSource(rig, rig.scratch)
            let seen = Mutex<[CopyProgress]>([])
            let options = CopyOptions(permissions: mode) { step in seen.withLock { $0.append(step) } }
            let outcome = try await tree.copyFile(from: "source", to: "copy", options: options)
            expectCopy(rig, of: rig.scratch.appending("source"), at: rig.scratch.appending("copy"))
            let metadata = try #require(try await tree.metadata(of: "copy"))
            #expect(metadata.permissions == mode && metadata.size == 8 << 20)
            #expect(metadata.allocatedBytes < 1 << 20)
            // Where the tests may not mount, the file system may be of any kind.
            guard case .copied(let bytes) = outcome else {
                #expect(kind == .linux && !HostKind.mountsAreAllowed)
                return
            }
            #expect((70_001...200_000).contains(bytes))
            let last = seen.withLock { $0.last }
            #expect(last == CopyProgress(copiedBytes: bytes, position: 8 << 20, totalBytes: 8 << 20))
        }
    }

    @Test(arguments: HostKind.mounting)
    func `a copy that fails leaves nothing`(kind: HostKind) async throws {
        try await withDevices(kind) { rig in
            let tree = try await makeSource(rig, rig.scratch)
            try await rig.makeDirectories("directory", "directory/d")
            try rig.addSymbolicLink(rig.scratch.appending("link"), to: "source")
            let copy = { (source: FilePath, target: FilePath, sharing: CopyOptions.Sharing) in
                await failure {
                    try await tree.copyFile(from: source, to: target, options: CopyOptions(sharing: sharing))
                }
            }
            #expect(await copy("source", "shared", .required) == .notSupported)
            #expect(await copy("source", "directory", .preferred) == .alreadyExists)
            #expect(await copy("source", "source", .preferred) == .alreadyExists)
            #expect(await copy("directory", "new", .preferred) == .isDirectory)
            #expect(await copy("link", "new", .preferred) == .symbolicLink)
            #expect(await copy("none", "new", .preferred) == .notFound)
            #expect(await copy("source", "none/new", .preferred) == .notFound)
            #expect(try await tree.list("", limit: 9).map(\.name.string) == ["directory", "link", "source"])

            let cramped = rig.scratch.appending("directory/d")
            try rig.addFileSystem(at: cramped, bytes: 64 << 10)
            #expect(await copy("source", "directory/d/copy", .preferred) == .noSpace)
            #expect(try await tree.list("directory/d", limit: 9) == [])
        }
    }

    @Test(arguments: HostKind.allCases)
    func `a cancelled copy leaves nothing`(kind: HostKind) async throws {
        try await withDevices(kind) { rig in
            let tree = try await makeSource(rig, rig.scratch)
            let task = Task {
                withUnsafeCurrentTask { $0?.cancel() }
                return await failure { try await tree.copyFile(from: "source", to: "copy", options: CopyOptions()) }
            }
            #expect(await task.value == .cancelled)
            #expect(try await tree.metadata(of: "copy") == nil)
        }
    }

    @Test(arguments: HostKind.attaching, ["xfs", "btrfs"])
    func `blocks are shared where the file system can`(kind: HostKind, type: String) async throws {
        try await withDevices(kind) { rig in
            let pool = rig.scratch.appending("pool")
            try rig.addFileSystem(type, at: pool)
            let tree = try await makeSource(rig, pool)
            #expect(try await tree.copyFile(from: "source", to: "clone", options: CopyOptions()) == .reflink)
            expectCopy(rig, of: pool.appending("source"), at: pool.appending("clone"))
            #expect(rig.write([9], into: pool.appending("clone"), at: 3))
            #expect(rig.bytes(of: pool.appending("source"), at: 3, count: 1) == [1])
            let required = CopyOptions(sharing: .required)
            #expect(try await tree.copyFile(from: "source", to: "second", options: required) == .reflink)
            let outcome = try await tree.copyFile(from: "source", to: "third", options: CopyOptions(sharing: .never))
            guard case .copied(let bytes) = outcome else {
                Issue.record("the blocks are shared")
                return
            }
            #expect((70_001...200_000).contains(bytes))
            expectCopy(rig, of: pool.appending("source"), at: pool.appending("third"))
            #expect(try await tree.metadata(of: "third")?.allocatedBytes ?? .max < 1 << 20)
        }
    }

    @Test(arguments: HostKind.attaching)
    func `a file is copied to another file system, where no blocks are shared`(kind: HostKind) async throws {
        try await withDevices(kind) { rig in
            let (from, to) = (rig.scratch.appending("from"), rig.scratch.appending("to"))
            try rig.addFileSystem("xfs", at: from)
            try rig.addFileSystem("ext4", at: to)
            let origin = try await makeSource(rig, from)
            let tree = try await rig.files.openDirectory(to)
            func copy(_ name: FilePath, _ sharing: CopyOptions.Sharing) async throws(HostError) -> CopyOutcome {
                try await tree.copyFile(
                    from: "source", in: origin, to: name, options: CopyOptions(sharing: sharing, permissions: mode))
            }
            #expect(await failure { try await copy("shared", .required) } == .notSupported)
            #expect(try await tree.metadata(of: "shared") == nil)
            guard case .copied(let bytes) = try await copy("copy", .preferred) else {
                Issue.record("the blocks are shared")
                return
            }
            #expect((70_001...200_000).contains(bytes))
            expectCopy(rig, of: from.appending("source"), at: to.appending("copy"))
            let metadata = try #require(try await tree.metadata(of: "copy"))
            #expect(metadata.permissions == mode && metadata.allocatedBytes < 1 << 20)
            #expect(await failure { try await copy("copy", .preferred) } == .alreadyExists)
            let elsewhere = try await FakeHost().files.openDirectory("/")
            let foreign = await failure {
                try await tree.copyFile(from: "source", in: elsewhere, to: "new", options: CopyOptions())
            }
            #expect(foreign == .invalidArgument)
        }
    }

    @Test(arguments: HostKind.allCases)
    func `a hole gives room back and keeps the size`(kind: HostKind) async throws {
        try await withDevices(kind) { rig in
            let tree = try await rig.tree()
            try await tree.createFile("file", size: 1 << 20, allocation: .allocated, permissions: mode)
            let path = rig.scratch.appending("file")
            #expect(rig.write(Array(repeating: 1, count: 1 << 20), into: path, at: 0))
            try await tree.punchHole(in: "file", at: 4095, length: (512 << 10) + 1)
            #expect(rig.bytes(of: path, at: 4094, count: 3) == [1, 0, 0])
            #expect(rig.bytes(of: path, at: (516 << 10) - 1, count: 2) == [0, 1])
            let metadata = try #require(try await tree.metadata(of: "file"))
            #expect(metadata.size == 1 << 20 && metadata.allocatedBytes <= 512 << 10)
            #expect(await failure { try await tree.punchHole(in: "file", at: -1, length: 1) } == .invalidArgument)
            #expect(await failure { try await tree.punchHole(in: "file", at: 0, length: 0) } == .invalidArgument)
            #expect(await failure { try await tree.punchHole(in: "file", at: 1, length: .max) } == .invalidArgument)
            #expect(await failure { try await tree.punchHole(in: "none", at: 0, length: 1) } == .notFound)
        }
    }
}
