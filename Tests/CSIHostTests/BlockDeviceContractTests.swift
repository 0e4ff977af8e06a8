import CSIHost
import SystemPackage
import Testing

@Suite("Block devices: the same contract for the model and for Linux")
struct BlockDeviceContractTests {
    /// A device of a mebibyte.
    private func withDevice(_ kind: HostKind, _ body: (any DeviceRig, LoopDevice) async throws -> Void) async throws {
        try await withDevices(kind) { rig in
            let tree = try await rig.tree()
            try await tree.createFile("image", size: 1 << 20, allocation: .sparse, permissions: [.ownerReadWrite])
            let device = try await rig.host.loops.attach("image", in: tree, options: LoopOptions(name: ""))
            try await body(rig, device)
            try await rig.host.loops.detach(device, within: .seconds(60))
        }
    }

    @Test(arguments: HostKind.attaching)
    func `a device is found by its node, a link, its number, and in the list`(kind: HostKind) async throws {
        try await withDevice(kind) { rig, loop in
            let devices = rig.host.devices
            let device = try #require(try await devices.device(at: loop.path))
            #expect(device.name == "loop\(loop.number)" && device.path == loop.path && device.number == loop.device)
            #expect(!device.isPartition && !device.isRemovable && device.holders.isEmpty)
            #expect(device.sequence == loop.sequence)
            let link = rig.scratch.appending("link")
            try rig.addSymbolicLink(link, to: loop.path)
            #expect(try await devices.device(at: link) == device)
            #expect(try await devices.device(loop.device) == device)
            let list = try await devices.list()
            #expect(list.contains(device))
            #expect(list.map(\.name) == list.map(\.name).sorted())
            #expect(try await rig.files.metadata(of: loop.path)?.specialDevice == loop.device)
            #expect(try await rig.files.metadata(of: rig.scratch)?.specialDevice == nil)
        }
    }

    @Test(arguments: HostKind.allCases)
    func `what is no block device is told apart from what is absent`(kind: HostKind) async throws {
        try await withDevices(kind) { rig in
            try await rig.tree().writeFileDurably("file", [1])
            let devices = rig.host.devices
            let (file, absent) = (rig.scratch.appending("file"), rig.scratch.appending("absent"))
            #expect(try await devices.device(at: absent) == nil)
            #expect(try await devices.device(DeviceNumber(major: 8, minor: 4321)) == nil)
            #expect(await failure { try await devices.device(at: file) } == .wrongType)
            #expect(await failure { try await devices.device(at: rig.scratch) } == .wrongType)
            #expect(await failure { try await devices.device(at: "relative") } == .invalidPath)
            #expect(await failure { try await devices.read(from: file, at: 0, count: 1) } == .wrongType)
            #expect(await failure { try await devices.read(from: absent, at: 0, count: 1) } == .notFound)
            #expect(await failure { try await devices.flush(file) } == .wrongType)
            #expect(await failure { try await devices.flush(absent) } == .notFound)
            #expect(await failure { try await devices.isInUse(file) } == .wrongType)
            #expect(await failure { try await devices.setReadOnly(true, file) } == .wrongType)
            #expect(await failure { try await devices.setReadOnly(true, absent) } == .notFound)
            #expect(await failure { try await devices.isInUse(absent) } == .notFound)
            #expect(await failure { try await devices.readAhead(of: file) } == .wrongType)
            #expect(await failure { try await devices.setReadAhead(4096, of: file) } == .wrongType)
            #expect(await failure { try await devices.setReadAhead(4096, of: absent) } == .notFound)
        }
    }

    @Test(arguments: HostKind.attaching)
    func `a device that can be read answers`(kind: HostKind) async throws {
        try await withDevice(kind) { rig, loop in
            let devices = rig.host.devices
            try await devices.checkReadable(loop.path, at: 0, within: .seconds(60))
            try await devices.checkReadable(loop.path, at: loop.size - 4096, within: .seconds(60))
            #expect(
                await failure { try await devices.checkReadable(loop.path, at: 1, within: .seconds(60)) }
                    == .invalidArgument)
            let file = rig.scratch.appending("file")
            try await rig.tree().writeFileDurably("file", [1])
            #expect(await failure { try await devices.checkReadable(file, at: 0, within: .seconds(60)) } == .wrongType)
        }
    }

    @Test(arguments: HostKind.attaching)
    func `a device that is made read-only says so, and can be written again`(kind: HostKind) async throws {
        try await withDevice(kind) { rig, loop in
            let devices = rig.host.devices
            try await devices.setReadOnly(true, loop.path)
            #expect(try await devices.device(at: loop.path)?.isReadOnly == true)
            try await devices.setReadOnly(false, loop.path)
            #expect(try await devices.device(at: loop.path)?.isReadOnly == false)
        }
    }

    @Test(arguments: HostKind.attaching)
    func `bytes are replaced where they and the device are what they were taken for`(kind: HostKind) async throws {
        try await withDevice(kind) { rig, loop in
            let devices = rig.host.devices
            let device = try #require(try await devices.device(at: loop.path))
            let (old, new) = ([UInt8](repeating: 0, count: 512), [UInt8](repeating: 7, count: 512))
            func replacing(
                _ expected: [UInt8], with bytes: [UInt8], at offset: Int64 = 4096, of device: BlockDevice
            ) async -> HostError.Kind? {
                await failure { try await devices.replace(expected, with: bytes, at: offset, of: device) }
            }
            #expect(await replacing(old, with: new, of: device) == nil)
            #expect(try await devices.read(from: loop.path, at: 4096 - 1, count: 514) == [0] + new + [0])
            #expect(rig.bytes(of: rig.scratch.appending("image"), at: 4096, count: 512) == new)
            #expect(await replacing(old, with: new, of: device) == .notVerified)
            #expect(await replacing(new, with: new, at: 4095, of: device) == .notVerified)
            var other = device
            other.sequence = (device.sequence ?? 0) + 1
            #expect(await replacing(new, with: old, of: other) == .notVerified)
            other = device
            other.number = DeviceNumber(major: 8, minor: 4321)
            #expect(await replacing(new, with: old, of: other) == .notVerified)
            let impossible: [(Int, Int64)] = [(511, 4096), (0, 4096), (512, -1), (512, device.size - 511), (512, .max)]
            for (count, offset) in impossible {
                let bytes = [UInt8](repeating: 1, count: count)
                #expect(await replacing(new, with: bytes, at: offset, of: device) == .invalidArgument)
            }
            other.path = rig.scratch.appending("image")
            #expect(await replacing(new, with: old, of: other) == .wrongType)
            other.path = rig.scratch.appending("absent")
            #expect(await replacing(new, with: old, of: other) == .notFound)
            try await devices.setReadOnly(true, loop.path)
            #expect(await replacing(new, with: old, of: device) == .permissionDenied)
            try await devices.setReadOnly(false, loop.path)
            #expect(try await devices.read(from: loop.path, at: 4096, count: 512) == new)
            #expect(await replacing(new, with: old, of: device) == nil)
            try rig.mountDevice(loop.path, at: rig.scratch.appending("mounted"))
            let head = try await devices.read(from: loop.path, at: 0, count: 512)
            #expect(await replacing(head, with: new, at: 0, of: device) == .busy)
            #expect(try await devices.read(from: loop.path, at: 0, count: 512) == head)
            try await rig.mounts.unmount(rig.scratch.appending("mounted"), policy: .orderly())
        }
    }

    @Test(arguments: HostKind.attaching)
    func `read-ahead is what it was set to, a multiple of a page`(kind: HostKind) async throws {
        try await withDevice(kind) { rig, loop in
            let devices = rig.host.devices
            for bytes in [0, 4096, 1 << 20] as [Int64] {
                try await devices.setReadAhead(bytes, of: loop.path)
                #expect(try await devices.readAhead(of: loop.path) == bytes)
            }
            for bytes in [-4096, 512, 5000] as [Int64] {
                #expect(await failure { try await devices.setReadAhead(bytes, of: loop.path) } == .invalidArgument)
            }
            #expect(try await devices.readAhead(of: loop.path) == 1 << 20)
        }
    }

    @Test(arguments: HostKind.attaching)
    func `reading stays within the device`(kind: HostKind) async throws {
        try await withDevice(kind) { rig, loop in
            #expect(rig.write([1, 2, 3, 4], into: loop.path, at: (1 << 20) - 4))
            try await rig.host.devices.flush(loop.path)
            let bytes = { (offset: Int64, count: Int) in
                try await rig.host.devices.read(from: loop.path, at: offset, count: count)
            }
            let end = try await bytes((1 << 20) - 3, 3)
            #expect(end == [2, 3, 4])
            #expect(try await bytes((1 << 20) - 3, 100) == [2, 3, 4])
            #expect(try await bytes(1 << 20, 100) == [])
            #expect(try await bytes(1 << 40, 100) == [])
            #expect(try await bytes(0, 0) == [])
            #expect(try await bytes(1, 1 << 20).count == (1 << 20) - 1)
            #expect(await failure { try await bytes(-1, 1) } == .invalidArgument)
            #expect(await failure { try await bytes(0, -1) } == .invalidArgument)
            #expect(await failure { try await bytes(0, (16 << 20) + 1) } == .invalidArgument)
            #expect(await failure { try await bytes(.max, 1) } == nil)
        }
    }

    @Test(arguments: HostKind.attaching)
    func `a part that cannot be read is an error, not zeros`(kind: HostKind) async throws {
        try await withDevice(kind) { rig, loop in
            rig.truncate(rig.scratch.appending("image"), to: 512 << 10)
            let devices = rig.host.devices
            let good = try await devices.read(from: loop.path, at: 0, count: 4096)
            #expect(good.count == 4096)
            #expect(await failure { try await devices.read(from: loop.path, at: 768 << 10, count: 1) } == .inputOutput)
            #expect(await failure { try await devices.read(from: loop.path, at: 0, count: 1 << 20) } == .inputOutput)
        }
    }

    @Test(arguments: HostKind.attaching)
    func `waiting for a device that is there ends at once`(kind: HostKind) async throws {
        try await withDevice(kind) { rig, loop in
            let now = rig.host.clock.now
            let byPath = try await rig.host.devices.wait(for: .path(loop.path), within: .zero)
            #expect(byPath.number == loop.device)
            #expect(try await rig.host.devices.wait(for: .number(loop.device), within: .seconds(600)) == byPath)
            #expect(rig.host.clock.now - now < .seconds(120))
        }
    }

    @Test(arguments: HostKind.attaching)
    func `a device that appears late is waited for`(kind: HostKind) async throws {
        try await withDevices(kind) { rig in
            let start = rig.host.clock.now
            let selector = try rig.addDevice(after: .milliseconds(300))
            let device = try await rig.host.devices.wait(for: selector, within: .seconds(60))
            #expect(device.size == 1 << 20)
            #expect(rig.host.clock.now - start >= .milliseconds(300))
        }
    }

    @Test(
        arguments: HostKind.allCases,
        [.path("/dev/disk/by-id/none"), .serial("no such serial"), .worldWideID("none")] as [BlockDeviceSelector])
    func `a device that never appears is an error after the time`(
        kind: HostKind, selector: BlockDeviceSelector
    ) async throws {
        try await withDevices(kind) { rig in
            let start = rig.host.clock.now
            let never = await failure { try await rig.host.devices.wait(for: selector, within: .milliseconds(40)) }
            #expect(never == .timedOut)
            let waited = rig.host.clock.now - start
            #expect(waited >= .milliseconds(40) && waited < .seconds(30))
        }
    }

    @Test(arguments: HostKind.allCases)
    func `waiting ends when the task is cancelled`(kind: HostKind) async throws {
        try await withDevices(kind) { rig in
            let devices = rig.host.devices
            let task = Task {
                withUnsafeCurrentTask { $0?.cancel() }
                return await failure { try await devices.wait(for: .path("/dev/none"), within: .seconds(600)) }
            }
            #expect(await task.value == .cancelled)
        }
    }

    @Test(arguments: HostKind.attaching)
    func `a node is bound onto a file and still found there`(kind: HostKind) async throws {
        try await withDevice(kind) { rig, loop in
            let target = rig.scratch.appending("published")
            try await rig.files.createMountPoint(target, kind: .regular, permissions: [.ownerReadWrite])
            let entry = try await rig.mounts.bindMount(source: loop.path, at: target, options: [])
            #expect(entry.origin.root.lastComponent?.string == "loop\(loop.number)")
            #expect(try await rig.host.devices.device(at: target)?.number == loop.device)
            #expect(rig.write(Array(repeating: 5, count: 4096), into: target, at: 0))
            #expect(rig.bytes(of: rig.scratch.appending("image"), at: 0, count: 1) == [5])
            #expect(try await !rig.host.devices.isInUse(loop.path))
            try await rig.mounts.unmount(target, policy: .orderly())
            #expect(try await rig.files.removeMountPoint(target))
        }
    }
}
