import CSIHost
import CSITestKit
import SystemPackage
import Testing

@Suite("The fake host: file systems, hung calls, propagation")
struct FakeFileSystemTests {
    private let host = FakeHost()
    private let disk: FilePath = "/dev/sdb"
    private let place: FilePath = "/mnt"

    init() {
        host.addBlockDevice("sdb", size: 64 << 20)
        host.addDirectory("/mnt")
        host.setPropagation(.shared, at: "/")
    }

    @discardableResult
    private func mounted(_ kind: FileSystemKind = .ext4) async throws -> MountEntry {
        if try await host.fileSystems.probe(disk).isBlank {
            try await host.fileSystems.make(kind, on: disk, options: MakeOptions(), within: .seconds(9))
        }
        return try await host.fileSystems.mount(
            disk, at: place, options: FileSystemMountOptions(kind), within: .seconds(9))
    }

    @Test(arguments: FileSystemKind.allCases)
    func `a power failure leaves what was synced, and a journal to replay`(kind: FileSystemKind) async throws {
        try await mounted(kind)
        let tree = try await host.files.openDirectory(place)
        try await tree.writeFileDurably("synced", [1])
        #expect(host.applicationWrites(place.appending("volatile"), [2]))
        host.restart(after: .power)
        #expect(host.mountTable.topmost(at: place) == nil)
        host.setReadOnly(true, device: disk)
        let mount = { (access: FileSystemMountOptions.Access) in
            try await host.fileSystems.mount(
                disk, at: place, options: FileSystemMountOptions(kind, access: access), within: .seconds(9))
        }
        #expect(await failure { try await mount(.readOnly) } == .readOnlyFileSystem)
        _ = try await mount(.readOnlyWithoutRecovery)
        #expect(host.content(of: place.appending("synced")) == [1])
        #expect(host.content(of: place.appending("volatile")) == nil)
        try await host.mounts.unmount(place, policy: .orderly())
        host.setReadOnly(false, device: disk)
        try await mounted(kind)
        #expect(host.content(of: place.appending("synced")) == [1])
    }

    @Test
    func `a driver that dies leaves its mounts, and what applications wrote`() async throws {
        let before = try await mounted()
        #expect(host.applicationWrites(place.appending("file"), [7]))
        host.restart()
        #expect(host.mountTable.topmost(at: place) == before)
        #expect(host.content(of: place.appending("file")) == [7])
        #expect(
            await failure {
                try await host.fileSystems.make(.xfs, on: disk, options: MakeOptions(), within: .seconds(9))
            } == .busy)
    }

    @Test
    func `a mkfs that is killed half-way leaves neither a blank device nor a file system`() async throws {
        host.crash(.during, afterMutations: 0)
        let make = { try await host.fileSystems.make(.ext4, on: disk, options: MakeOptions(), within: .seconds(9)) }
        #expect(await failure { try await make() } == .crashed)
        host.restart()
        guard case .ambiguous = try await host.fileSystems.probe(disk) else {
            Issue.record("half a file system was taken for something")
            return
        }
        #expect(await failure { try await make() } == .notBlank)
    }

    @Test
    func `programs fail as they are scripted to`() async throws {
        let make = { try await host.fileSystems.make(.ext4, on: disk, options: MakeOptions(), within: .seconds(9)) }
        host.script(program: "mkfs.ext4", exit: 1, standardError: "no way")
        let error = await #expect(throws: HostError.self) { try await make() }
        #expect(error?.kind == .programFailed)
        #expect(error?.description.contains("no way") == true)
        host.script(program: "mkfs.ext4", exit: 0, taking: .seconds(10))
        #expect(await failure { try await make() } == .timedOut)
        #expect(try await host.fileSystems.probe(disk).isBlank)
        _ = try await make()
        let check = {
            try await host.fileSystems.check(.ext4, on: disk, depth: .beforeMount, within: .seconds(9))
        }
        #expect(try await check() == .clean)
        host.script(program: "e2fsck", exit: 4, standardError: "run fsck manually")
        #expect(try await check() == .damaged("exit status 4: run fsck manually"))
        host.script(program: "e2fsck", exit: 8)
        #expect(await failure { try await check() } == .programFailed)
    }

    @Test
    func `a disk that cannot be read is not blank`() async throws {
        host.breakSectors(of: disk, (64 << 20) - 512..<64 << 20)
        #expect(await failure { try await host.fileSystems.probe(disk) } == .inputOutput)
    }

    @Test
    func `a hung call ends when it is released, cancelled, at its deadline, or with the process`() async throws {
        try await mounted()
        host.hang(.unmount)
        func unmount(_ policy: UnmountPolicy) -> Task<HostError.Kind?, Never> {
            Task { await failure { try await host.mounts.unmount(place, policy: policy) } }
        }
        func hung(_ policy: UnmountPolicy) async -> Task<HostError.Kind?, Never> {
            let task = unmount(policy)
            while host.hungCalls.count != 1 || host.manualClock.sleeperCount != 1 { await Task.yield() }
            return task
        }
        let cancelled = await hung(.orderly())
        cancelled.cancel()
        #expect(await cancelled.value == .cancelled)
        let late = await hung(.orderly(deadline: .seconds(5)))
        host.manualClock.advance(by: .seconds(4))
        #expect(host.hungCalls.count == 1)
        host.manualClock.advance(by: .seconds(1))
        #expect(await late.value == .timedOut)
        let dead = await hung(.orderly())
        host.restart()
        #expect(await dead.value == .crashed)
        #expect(host.mountTable.topmost(at: place) != nil)
        let released = await hung(.orderly())
        host.release(.unmount)
        #expect(await released.value == nil)
        #expect(host.mountTable.topmost(at: place) == nil)
        try await mounted()
        host.hang(.unmount, at: place)
        let detached = await hung(.detaching(after: .seconds(2)))
        host.manualClock.advance(by: .seconds(2))
        #expect(await detached.value == nil)
        #expect(host.mountTable.topmost(at: place) == nil)
        host.hang(.mount, at: place)
        #expect(host.hungCalls.isEmpty)
    }

    @Test
    func `what is mounted on a shared mount is seen by the node`() async throws {
        #expect(try await mounted().isShared)
        #expect(host.nodeSeesMount(at: place))
        try await host.mounts.unmount(place, policy: .orderly())
        for propagation in [FakeHost.Propagation.private, .slave] {
            host.setPropagation(propagation, at: "/")
            #expect(try await !mounted().isShared)
            #expect(!host.nodeSeesMount(at: place))
            try await host.mounts.unmount(place, policy: .orderly())
        }
        #expect(try await host.mounts.mountTable().topmost(at: "/")?.masterGroup != nil)
    }
}
