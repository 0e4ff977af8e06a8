import CSIHost
import CSITestKit
import Synchronization
import SystemPackage
import Testing

@Suite("The fake host: faults, crashes, power failures")
struct FakeHostTests {
    private func pool(_ host: FakeHost) async throws -> any DirectoryTree {
        host.addDirectory("/pool")
        return try await host.files.openDirectory("/pool")
    }

    private let mode = FilePermissions(rawValue: 0o755)

    @Test
    func `a fault happens as often as asked, where asked`() async throws {
        let host = FakeHost()
        host.addDirectory("/a")
        host.addDirectory("/b")
        host.fail(.unmount, at: "/a", with: .busy, times: 2)
        let unmount = { (path: FilePath) in await failure { try await host.mounts.unmount(path, policy: .orderly()) } }
        #expect(await unmount("/b") == nil)
        #expect(await unmount("/a") == .busy)
        #expect(await unmount("/a") == .busy)
        #expect(await unmount("/a") == nil)
        host.fail(.unmount, with: .timedOut)
        host.clearFaults()
        #expect(await unmount("/a") == nil)
    }

    @Test
    func `effects are recorded and can be failed by their number`() async throws {
        let host = FakeHost()
        let pool = try await pool(host)
        host.clearEffects()
        host.fail(effect: 1, with: .inputOutput)
        try await pool.createDirectory("a.partial", permissions: mode)
        #expect(await failure { try await pool.syncTree("a.partial") } == .inputOutput)
        try await pool.renameDurably(from: "a.partial", to: "a")
        #expect(try await pool.exists("a"))
        #expect(
            host.effects.map(\.description) == [
                "createDirectory /pool/a.partial", "syncTree /pool/a.partial", "rename /pool/a.partial -> /pool/a",
                "metadata /pool/a",
            ])
        #expect(host.mutations.count == 3)
    }

    @Test
    func `what a driver does elsewhere is an effect like any other`() async throws {
        let host = FakeHost()
        #expect(try await host.effect("GET /things", changing: false) { 1 } == 1)
        #expect(try await host.effect("POST /things", changing: true) { 2 } == 2)
        #expect(host.effects.map(\.description) == ["askElsewhere GET /things", "changeElsewhere POST /things"])
        #expect(host.mutations.count == 1)
        host.fail(.changeElsewhere, with: .inputOutput)
        await #expect(throws: HostError.self) { try await host.effect("POST /things", changing: true) {} }
        for (moment, happens) in [(CrashMoment.before, false), (.during, true), (.after, true)] {
            let done = Mutex(false)
            host.crash(moment, afterMutations: 0)
            await #expect(throws: HostError.self) {
                try await host.effect("POST /things", changing: true) { done.withLock { $0 = true } }
            }
            #expect(host.hasCrashed)
            #expect(done.withLock { $0 } == happens)
            await #expect(throws: HostError.self) { try await host.effect("GET /things", changing: false) {} }
            host.restart()
        }
    }

    @Test
    func `a disk goes from machine to machine with what is on it`() async throws {
        let (here, there) = (FakeHost(), FakeHost())
        here.addBlockDevice("sda", size: 1 << 20)
        #expect(here.applicationWrites([1, 2, 3], into: "/dev/sda", at: 4096))
        let copy = try #require(here.copyBlockDevice("/dev/sda"))
        var disk = try #require(here.takeOutBlockDevice("/dev/sda"))
        #expect(try await here.devices.device(at: "/dev/sda") == nil)
        disk.grow(to: 2 << 20)
        there.putInBlockDevice(disk, as: "sdb", links: ["/dev/disk/by-id/v"], after: .seconds(5))
        #expect(try await there.devices.device(at: "/dev/disk/by-id/v") == nil)
        #expect(try await there.devices.wait(for: .path("/dev/disk/by-id/v"), within: .seconds(10)).size == 2 << 20)
        #expect(there.bytes(of: "/dev/sdb", at: 4096, count: 3) == [1, 2, 3])
        #expect(copy.size == 1 << 20)
    }

    @Test
    func `a hook sees each effect before it happens and may refuse it`() async throws {
        let host = FakeHost()
        let pool = try await pool(host)
        let seen = Mutex<[HostOperation]>([])
        host.beforeEachEffect { (effect) async throws(HostError) in
            seen.withLock { $0.append(effect.operation) }
            await Task.yield()
            if effect.operation == .removeTree { throw HostError(.removeTree, at: effect.path, kind: .busy) }
        }
        try await pool.createDirectory("d", permissions: mode)
        #expect(await failure { try await pool.removeTree("d") } == .busy)
        host.beforeEachEffect(nil)
        try await pool.removeTree("d")
        #expect(seen.withLock { $0 } == [.createDirectory, .removeTree])
    }

    @Test(arguments: CrashMoment.allCases)
    func `a crash ends everything until the restart, and kills old handles`(moment: CrashMoment) async throws {
        let host = FakeHost()
        let pool = try await pool(host)
        let lock = try await pool.lock("lock")
        host.crash(moment, afterMutations: 1)
        try await pool.createDirectory("first", permissions: mode)
        #expect(try await pool.exists("first"))
        #expect(await failure { try await pool.writeFileDurably("second", [1]) } == .crashed)
        #expect(host.hasCrashed)
        #expect(await failure { try await pool.exists("first") } == .crashed)
        #expect(await failure { try await host.files.openDirectory("/pool") } == .crashed)
        host.restart()
        #expect(await failure { try await pool.exists("first") } == .crashed)
        let reopened = try await host.files.openDirectory("/pool")
        let names = try await reopened.list("", limit: 9).map(\.name.string)
        switch moment {
        case .before: #expect(names == ["first", "lock"])
        case .during: #expect(names.count == 3 && names[0].hasPrefix(".new-"))
        case .after: #expect(names == ["first", "lock", "second"])
        }
        let again = try await reopened.lock("lock")
        lock.release()
        #expect(await failure { try await reopened.lock("lock") } == .lockHeld)
        again.release()
    }

    @Test
    func `a power failure takes what was not synced, and bind mounts`() async throws {
        let host = FakeHost()
        host.addFileSystem(at: "/data")
        let pool = try await pool(host)
        try await pool.createDirectory("synced", permissions: mode)
        try await pool.writeFileDurably("synced/file", [1])
        try await pool.syncDirectory("")
        try await pool.createDirectory("volatile", permissions: mode)
        try await pool.writeFileDurably("volatile/file", [1])
        #expect(host.applicationWrites("/pool/synced/unsynced", [2]))
        #expect(host.applicationWrites("/pool/synced/file", [3]))
        host.addDirectory("/target")
        try await host.mounts.bindMount(source: "/pool/synced", at: "/target", options: [])
        try await pool.removeTree("synced/file")

        host.restart(after: .power)
        #expect(host.paths(below: "/pool") == ["/pool", "/pool/synced", "/pool/synced/file"])
        #expect(host.content(of: "/pool/synced/file") == [1])
        #expect(host.mountTable.topmost(at: "/target") == nil)
        #expect(host.mountTable.topmost(at: "/data") != nil)
    }

    @Test
    func `a process that dies leaves files and mounts as they are`() async throws {
        let host = FakeHost()
        let pool = try await pool(host)
        try await pool.createDirectory("volatile", permissions: mode)
        host.addDirectory("/target")
        try await host.mounts.bindMount(source: "/pool/volatile", at: "/target", options: [.readOnly])
        host.restart()
        #expect(host.metadata(of: "/pool/volatile") != nil)
        #expect(host.mountTable.topmost(at: "/target")?.isReadOnly == true)
    }

    @Test
    func `a durable rename survives, with its tree only when that was synced`() async throws {
        for synced in [true, false] {
            let host = FakeHost()
            let pool = try await pool(host)
            try await pool.createDirectory("v.partial", permissions: mode)
            try await pool.createDirectory("v.partial/data", permissions: mode)
            if synced { try await pool.syncTree("v.partial") }
            try await pool.renameDurably(from: "v.partial", to: "v")
            host.restart(after: .power)
            let expected: [FilePath] = synced ? ["/pool", "/pool/v", "/pool/v/data"] : ["/pool", "/pool/v"]
            #expect(host.paths(below: "/pool") == expected)
        }
    }

    @Test
    func `a snapshot is put back as it was`() async throws {
        let host = FakeHost()
        let pool = try await pool(host)
        try await pool.writeFileDurably("f", [1])
        let snapshot = host.snapshot()
        try await pool.removeTree("f")
        host.addDirectory("/pool/x")
        host.restore(snapshot)
        #expect(host.paths(below: "/pool") == ["/pool", "/pool/f"])
        #expect(try await host.files.openDirectory("/pool").readFile("f", limit: 9) == [1])
    }

    @Test
    func `a file system can be shrunk and made read-only under the driver`() async throws {
        let host = FakeHost()
        host.addFileSystem(at: "/pool", bytes: 1 << 20)
        let pool = try await host.files.openDirectory("/pool")
        try await pool.writeFileDurably("f", [UInt8](repeating: 1, count: 8192))
        host.setCapacity(of: "/pool", bytes: 4096)
        #expect(await failure { try await pool.writeFileDurably("g", [1]) } == .noSpace)
        #expect(try await pool.capacity().availableBytes == 0)
        host.setCapacity(of: "/pool", bytes: 1 << 20, inodes: 2)
        #expect(await failure { try await pool.createDirectory("d", permissions: mode) } == .noSpace)
        host.setReadOnly(true, fileSystemOf: "/pool")
        #expect(await failure { try await pool.removeFile("f") } == .readOnlyFileSystem)
    }
}
