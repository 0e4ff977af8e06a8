import CSIHost
import CSITestKit
import SystemPackage
import Testing

@Suite("What the model of devices can do beyond the contract")
struct FakeDeviceTests {
    private let host = FakeHost()

    private func attachedImage() async throws -> LoopDevice {
        host.addDirectory("/pool")
        let tree = try await host.files.openDirectory("/pool")
        try await tree.createFile("image", size: 1 << 20, allocation: .sparse, permissions: [.ownerReadWrite])
        try await tree.syncDirectory("")
        return try await host.loops.attach("image", in: tree, options: LoopOptions(name: "v"))
    }

    @Test func `attachments survive the process and not the machine`() async throws {
        let device = try await attachedImage()
        host.restart(after: .process)
        #expect(host.loopDevices == [device])
        let tree = try await host.files.openDirectory("/pool")
        let again = await failure { try await host.loops.attach("image", in: tree, options: LoopOptions(name: "")) }
        #expect(again == .lockHeld)
        host.restart(after: .power)
        #expect(host.loopDevices == [])
        #expect(host.metadata(of: device.path) == nil)
        #expect(host.metadata(of: "/pool/image")?.size == 1 << 20)
    }

    @Test func `what was not synced goes with the power`() async throws {
        let loop = try await attachedImage()
        let disk = try #require(host.addBlockDevice("sdb", size: 1 << 40, serial: "S1"))
        for device in [loop.path, disk.path] {
            #expect(host.applicationWrites([1], into: device, at: 0))
            try await host.devices.flush(device)
            #expect(host.applicationWrites([2], into: device, at: 0))
        }
        host.restart(after: .power)
        #expect(host.bytes(of: "/pool/image", at: 0, count: 1) == [1])
        #expect(host.bytes(of: disk.path, at: 0, count: 1) == [1])
        #expect(try await host.devices.wait(for: .serial("S1"), within: .zero).number == disk.number)
    }

    @Test func `another program can steal a device and attach a file behind one's back`() async throws {
        let device = try await attachedImage()
        host.addFile("/other", Array(repeating: 0, count: 4096))
        host.anotherProgramDetaches(device.path)
        let stolen = try #require(host.anotherProgramAttaches("/other"))
        #expect(stolen.number == device.number && stolen.backing != device.backing)
        #expect(try await host.loops.attached(to: device.backing) == [])
        let twice = try #require(host.anotherProgramAttaches("/pool/image"))
        #expect(try await host.loops.attached(to: device.backing) == [twice])
    }

    @Test func `faults hit devices by intent`() async throws {
        host.addDirectory("/pool")
        host.fail(.attachLoop, with: .resourceLimit)
        #expect(await failure { try await attachedImage() } == .resourceLimit)
        let tree = try await host.files.openDirectory("/pool")
        let device = try await host.loops.attach("image", in: tree, options: LoopOptions(name: "v"))
        host.breakSectors(of: device.path, 4096..<8192)
        let read = { (offset: Int64) in
            await failure { try await host.devices.read(from: device.path, at: offset, count: 512) }
        }
        #expect(await read(0) == nil)
        #expect(await read(4000) == .inputOutput)
        #expect(await read(8192) == nil)
        host.crash(.after, afterMutations: 0)
        #expect(await failure { try await host.loops.detach(device, within: .zero) } == .crashed)
        #expect(host.loopDevices == [])
    }

    @Test func `two disks that report one serial number are not chosen between`() async throws {
        host.addBlockDevice("sdb", size: 1 << 20, serial: "S")
        host.addBlockDevice("sdc", size: 1 << 20, serial: "S")
        #expect(await failure { try await host.devices.wait(for: .serial("S"), within: .seconds(1)) } == .notVerified)
    }

    @Test func `an interrupted copy leaves a part`() async throws {
        _ = try await attachedImage()
        let tree = try await host.files.openDirectory("/pool")
        host.crash(.during, afterMutations: 0)
        #expect(await failure { try await tree.copyFile(from: "image", to: "c", options: CopyOptions()) } == .crashed)
        host.restart(after: .process)
        #expect(host.metadata(of: "/pool/c")?.size == 512 << 10)
        host.restart(after: .power)
        #expect(host.metadata(of: "/pool/c") == nil)
    }

    @Test func `a thin image on a full disk fails its writers`() async throws {
        host.addFileSystem(at: "/pool", bytes: 1 << 20)
        let tree = try await host.files.openDirectory("/pool")
        try await tree.createFile("thin", size: 1 << 30, allocation: .sparse, permissions: [.ownerReadWrite])
        let device = try await host.loops.attach("thin", in: tree, options: LoopOptions(name: "v"))
        #expect(host.applicationWrites(Array(repeating: 1, count: 512 << 10), into: device.path, at: 0))
        #expect(!host.applicationWrites(Array(repeating: 1, count: 600 << 10), into: device.path, at: 1 << 20))
        #expect(host.applicationWrites([2], into: device.path, at: 0))
    }
}
