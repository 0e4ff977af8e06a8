import CSIHost
import SystemPackage
import Testing

@Suite("Removing trees: the same contract for the model and for Linux")
struct RemovalContractTests {
    @Test(arguments: HostKind.allCases)
    func `a tree goes with everything in it, and nothing outside`(kind: HostKind) async throws {
        try await withHost(kind) { rig in
            let tree = try await rig.tree()
            try await rig.makeDirectories("outside", "outside/d", "v", "v/a", "v/a/b", "v/c")
            try await tree.writeFileDurably("outside/precious", [42])
            try await tree.writeFileDurably("v/a/b/file", [1])
            let base = rig.scratch
            try rig.addSymbolicLink(base.appending("v/up"), to: "..")
            try rig.addSymbolicLink(base.appending("v/a/absolute"), to: base.appending("outside"))
            try rig.addSymbolicLink(base.appending("v/c/file"), to: "../../outside/precious")
            try await tree.removeTree("v")
            #expect(try await !tree.exists("v"))
            #expect(try await tree.readFile("outside/precious", limit: 9) == [42])
            #expect(try await tree.exists("outside/d"))
        }
    }

    @Test(arguments: HostKind.allCases)
    func `what is absent, a file, or a link is removed as such`(kind: HostKind) async throws {
        try await withHost(kind) { rig in
            let tree = try await rig.tree()
            try await rig.makeDirectories("d")
            try await tree.writeFileDurably("f", [1])
            try rig.addSymbolicLink(rig.scratch.appending("l"), to: "d")
            try await tree.removeTree("none")
            try await tree.removeTree("none/below")
            try await tree.removeTree("f")
            try await tree.removeTree("l")
            #expect(try await tree.list("", limit: 9).map(\.name.string) == ["d"])
        }
    }

    @Test(arguments: HostKind.allCases)
    func `a wide tree is removed`(kind: HostKind) async throws {
        try await withHost(kind) { rig in
            let tree = try await rig.tree()
            try await rig.makeDirectories("w")
            // More than one buffer of names, and more directories with content than are noted at once.
            let count = kind == .linux ? 1100 : 20
            for index in 0..<count {
                try await tree.createDirectory(FilePath("w/d\(index)"), permissions: [.ownerReadWriteExecute])
                try await tree.createDirectory(FilePath("w/d\(index)/e"), permissions: [.ownerReadWriteExecute])
            }
            try await tree.removeTree("w")
            #expect(try await !tree.exists("w"))
        }
    }

    @Test(arguments: HostKind.allCases)
    func `a tree deeper than any path can say is removed`(kind: HostKind) async throws {
        try await withHost(kind) { rig in
            let tree = try await rig.tree()
            // 1,200 levels are twice the length of a path. 500, where syncing reaches a disk, are still many times the
            // directories that are held open.
            try await rig.makeDirectories("deep")
            let levels = kind == .fake ? 30 : HostKind.mountsAreAllowed ? 1200 : 500
            try rig.addLevels(levels, below: rig.scratch.appending("deep"))
            try await tree.syncTree("deep")
            try await tree.removeTree("deep")
            #expect(try await !tree.exists("deep"))
        }
    }

    @Test(arguments: HostKind.mounting)
    func `a mount in the tree stops the removal before it starts`(kind: HostKind) async throws {
        try await withHost(kind) { rig in
            let tree = try await rig.tree()
            try await rig.makeDirectories("v", "v/a", "v/z", "v/a/mnt")
            try await tree.writeFileDurably("v/file", [1])
            let mountPoint = rig.scratch.appending("v/a/mnt")
            try rig.addFileSystem(at: mountPoint, bytes: 1 << 20)
            #expect(rig.applicationWrites(mountPoint.appending("precious"), [7]))
            do throws(HostError) {
                try await tree.removeTree("v")
                Issue.record("the tree was removed")
            } catch {
                #expect(error.kind == .busy)
                #expect(error.description.contains("v/a/mnt"))
            }
            #expect(rig.content(of: mountPoint.appending("precious")) == [7])
            #expect(try await tree.list("v", limit: 9).map(\.name.string) == ["a", "file", "z"])
            #expect(await failure { try await tree.removeTree("v/a/mnt") } == .busy)
            #expect(await failure { try await tree.removeDirectory("v/a/mnt") } == .busy)
            try await rig.mounts.unmount(mountPoint, policy: .orderly())
            try await tree.removeTree("v")
            #expect(try await !tree.exists("v"))
        }
    }
}
