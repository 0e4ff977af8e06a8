import CSIHost
import SystemPackage

extension FakeWorld {
    // MARK: What is on a device

    /// Recognises what is on a device or in an image file, with the probe that a real host uses.
    func probe(_ path: FilePath, _ call: FakeCall) throws(HostError) -> ProbeResult {
        SuperblockProbe.examine(try image(on: path, call))
    }

    /// Both ends of a device or of an image file.
    func image(on path: FilePath, _ call: FakeCall) throws(HostError) -> DeviceImage {
        let position = try walk(path, call)
        guard let node = nodes[position.node] else { throw call.failure(.noSuchFileOrDirectory) }
        let image: DeviceImage?
        if node.kind == .regular {
            let count = Int(min(node.bytes.count, Int64(DeviceImage.window)))
            image = DeviceImage(
                size: node.bytes.count, head: node.bytes.read(at: 0, count: count),
                tail: node.bytes.read(at: node.bytes.count - Int64(count), count: count))
        } else {
            image = try self.image(of: try device(at: path, call), call)
        }
        guard let image else { throw call.failure(.ioError, detail: "the device changes its size") }
        return image
    }

    private func image(of device: FakeBlockDevice, _ call: FakeCall) throws(HostError) -> DeviceImage? {
        let size = device.shown.size
        let count = Int(min(size, Int64(DeviceImage.window)))
        return DeviceImage(
            size: size, head: try readDevice(device, at: 0, count: count, call),
            tail: try readDevice(device, at: size - Int64(count), count: count, call))
    }

    /// What is on a device, which must be this file system.
    func content(_ kind: FileSystemKind, on path: FilePath, _ call: FakeCall) throws(HostError) -> DeviceContent {
        let image = try image(on: path, call)
        guard let content = SuperblockProbe.content(of: kind, in: image) else {
            let found = SuperblockProbe.examine(image)
            throw call.failure(kind: .invalidArgument, detail: "there is no \(kind) on it; found: \(found)")
        }
        return content
    }

    // MARK: Make

    /// What mkfs writes to.
    private enum Medium {
        case device(DeviceNumber)
        case image(NodeID)
    }

    mutating func makeFileSystem(
        _ kind: FileSystemKind, on path: FilePath, _ options: MakeOptions, _ call: FakeCall
    ) throws(HostError) -> DeviceContent {
        try requireBlank(path, call)
        let (medium, size, sectorSize, home) = try medium(at: path, call)
        let uuid = options.uuid.flatMap(Self.uuidBytes) ?? Self.uuidBytes(for: home)
        let superblock = FakeSuperblock(
            kind: kind, uuid: uuid, label: options.label, size: size / 4096 * 4096,
            sectorSize: max(sectorSize, options.sectorSize?.rawValue ?? 0))
        for (offset, bytes) in superblock.writes { try write(bytes, to: medium, at: offset, call) }
        let reference = FakeSuperblock.reference(to: keepEmptyTree(), isInUse: false)
        try write(reference, to: medium, at: FakeSuperblock.treeOffset, call)
        switch medium {
        case .device(let number): syncDevice(number)
        case .image(let node): nodes[node]?.sync()
        }
        return try content(kind, on: path, call)
    }

    /// Leaves what mkfs leaves that is killed half-way: bytes that are no file system.
    mutating func makeHalf(on path: FilePath, _ call: FakeCall) {
        guard (try? requireBlank(path, call)) != nil, let (medium, _, _, _) = try? medium(at: path, call) else {
            return
        }
        try? write([UInt8](repeating: 0xff, count: 512), to: medium, at: 96 << 10, call)
    }

    /// What a path leads to, its size and that of its sectors, and where its bytes are.
    private func medium(
        at path: FilePath, _ call: FakeCall
    ) throws(HostError) -> (medium: Medium, size: Int64, sectorSize: Int, home: String) {
        if let image = try image(at: path, call) {
            return (.image(image), nodes[image]?.bytes.count ?? 0, 512, pathInFileSystem(image)?.string ?? path.string)
        }
        let device = try unusedDevice(path, call)
        guard !device.shown.isReadOnly else { throw call.failure(.notPermitted, detail: "the device is read-only") }
        return (.device(device.shown.number), device.shown.size, device.shown.logicalSectorSize, home(of: device))
    }

    /// The image file that a path leads to; nil where it leads to something else.
    private func image(at path: FilePath, _ call: FakeCall) throws(HostError) -> NodeID? {
        let node = try walk(path, call).node
        return nodes[node]?.kind == .regular ? node : nil
    }

    private mutating func write(
        _ bytes: [UInt8], to medium: Medium, at offset: Int64, _ call: FakeCall
    ) throws(HostError) {
        switch medium {
        case .device(let number): try writeDevice(number, at: offset, bytes, call)
        case .image(let node):
            guard var content = nodes[node]?.bytes else { throw call.failure(.ioError) }
            let before = content.allocatedBytes
            content.write(bytes, at: offset)
            try requireRoom(for: content.allocatedBytes - before, in: node, call)
            nodes[node]?.bytes = content
        }
    }

    /// Refuses what is not blank, and a device that somebody uses.
    func requireBlank(_ path: FilePath, _ call: FakeCall) throws(HostError) {
        if let image = try image(at: path, call) {
            guard !isLockedByLoop(image), !locks.contains(image) else {
                throw call.failure(kind: .lockHeld, detail: "it is attached, or another process has locked it")
            }
        } else {
            _ = try unusedDevice(path, call)
        }
        let found = try probe(path, call)
        guard found.isBlank else {
            throw call.failure(kind: .notBlank, detail: "nothing was written; found: \(found)")
        }
    }

    /// The device that a path leads to, which nobody uses.
    func unusedDevice(_ path: FilePath, _ call: FakeCall) throws(HostError) -> FakeBlockDevice {
        let device = try device(at: path, call)
        guard !isExclusivelyUsed(device.shown.number) else {
            throw call.failure(.resourceBusy, detail: "it is mounted, part of another device, or held by a program")
        }
        return device
    }

    private static func uuidBytes(_ text: String) -> [UInt8]? {
        let digits = Array(text.utf8.filter { $0 != UInt8(ascii: "-") })
        guard digits.count == 32 else { return nil }
        let bytes = stride(from: 0, to: 32, by: 2).compactMap {
            UInt8(String(decoding: digits[$0..<$0 + 2], as: UTF8.self), radix: 16)
        }
        return bytes.count == 16 ? bytes : nil
    }

    /// A UUID that is always the same for one place, so that runs of a test can be compared.
    private static func uuidBytes(for place: String) -> [UInt8] {
        (0..<2).flatMap { (half) -> [UInt8] in
            var hasher = Hasher()
            hasher.combine(half)
            hasher.combine(place)
            let number = UInt64(bitPattern: Int64(hasher.finalize()))
            return (0..<8).map { UInt8(truncatingIfNeeded: number >> (8 * $0)) }
        }
    }

    /// Where the bytes of a device are: the path of the file behind it, or its node.
    private func home(of device: FakeBlockDevice) -> String {
        device.loop.flatMap { pathInFileSystem($0.file) }?.string ?? device.shown.path.string
    }

    // MARK: Mount

    mutating func mountDevice(
        _ path: FilePath, at target: FilePath, _ options: FileSystemMountOptions
    ) throws(HostError) -> MountEntry {
        let call = FakeCall(operation: .mount, path: target)
        let place = try walk(target, call)
        try requireDirectory(place, call)
        let deviceCall = FakeCall(operation: .mount, path: path)
        guard let node = nodes[try walk(path, deviceCall).node], node.kind != .regular else {
            throw deviceCall.failure(kind: .wrongType, detail: "only a block device can be mounted: attach it first")
        }
        let device = try self.device(at: path, deviceCall)
        let isReadOnly = options.access != .readWrite
        let fileSystem = try mountedFileSystem(on: device, options, isReadOnly, call)
        guard fileSystem.isReadOnly == isReadOnly else {
            throw call.failure(.resourceBusy, detail: "it is mounted elsewhere, and there not the same way")
        }
        let mount = addMount(
            fileSystem.device, root: fileSystem.root, covering: place.node, in: place.mount,
            options: isReadOnly ? options.flags.union(.readOnly) : options.flags, isPermanent: false)
        guard let entry = mountTable().entries.first(where: { $0.mountID == mount.id }) else {
            throw call.failure(kind: .notVerified)
        }
        return entry
    }

    /// The file system on a device: the one that is mounted already, or the one that its superblock describes.
    private mutating func mountedFileSystem(
        on device: FakeBlockDevice, _ options: FileSystemMountOptions, _ isReadOnly: Bool, _ call: FakeCall
    ) throws(HostError) -> FakeFileSystem {
        let number = device.shown.number
        let path = device.shown.path
        let content = try content(options.kind, on: path, call)
        if let mounted = fileSystems.values.first(where: { $0.blockDevice == number }) { return mounted }
        guard isReadOnly || !device.shown.isReadOnly else {
            throw call.failure(kind: .readOnlyFileSystem, detail: "\(path) is read-only")
        }
        let bytes = try readDevice(
            device, at: FakeSuperblock.treeOffset, count: FakeSuperblock.referenceCount, call)
        guard let (tree, isInUse) = FakeSuperblock.tree(in: bytes), let kept = trees[tree] else {
            throw call.failure(Errno(rawValue: 117), detail: "its files are lost")
        }
        guard !isInUse || !device.shown.isReadOnly || options.access == .readOnlyWithoutRecovery else {
            throw call.failure(kind: .readOnlyFileSystem, detail: "\(path) is read-only and has a journal to replay")
        }
        if options.kind == .xfs {
            guard try xfsSectorSize(device, call) >= device.shown.logicalSectorSize else {
                throw call.failure(kind: .notSupported, detail: "its sectors are smaller than those of \(path)")
            }
        }
        let sharesUUID = fileSystems.values.contains { $0.type == "xfs" && $0.uuid == content.uuid }
        guard options.kind != .xfs || options.isCopy || options.options.contains("nouuid") || !sharesUUID else {
            throw call.failure(.invalidArgument, detail: "another mounted file system has its UUID (nouuid)")
        }
        // Btrfs shows a number of its own for its files; the others show their device's.
        let own = DeviceNumber(major: 0, minor: number.major << 20 | number.minor)
        let shown = addFileSystem(
            type: options.kind.rawValue, source: path.string, totalBytes: content.byteCount ?? 0,
            totalInodes: 1 << 20, isReadOnly: isReadOnly, device: options.kind == .btrfs ? own : number)
        fileSystems[shown]?.blockDevice = number
        fileSystems[shown]?.uuid = content.uuid
        fileSystems[shown]?.options = options.options
        revive(kept, on: shown, root: rootNode(of: shown))
        guard let fileSystem = fileSystems[shown] else { throw call.failure(kind: .notVerified) }
        if !isReadOnly { flush(fileSystem, isInUse: true) }
        return fileSystem
    }

    private func xfsSectorSize(_ device: FakeBlockDevice, _ call: FakeCall) throws(HostError) -> Int {
        FakeSuperblock.sectorSize(in: try readDevice(device, at: FakeSuperblock.sectorOffset, count: 2, call))
    }

    /// Writes a file system to its device as far as the model has it there: see ``FakeSuperblock``.
    mutating func flush(_ fileSystem: FakeFileSystem, isInUse: Bool) {
        guard let number = fileSystem.blockDevice, devices[number] != nil, !fileSystem.isReadOnly else { return }
        let reference = FakeSuperblock.reference(to: keepTree(of: fileSystem), isInUse: isInUse)
        try? writeDevice(
            number, at: FakeSuperblock.treeOffset, reference, FakeCall(operation: .unmount, path: "/"))
        syncDevice(number)
    }

    /// Ends the file systems on devices that no mount is left of, as the kernel does with the last one.
    mutating func releaseUnmountedFileSystems() {
        for fileSystem in fileSystems.values where fileSystem.blockDevice != nil {
            guard !mounts.contains(where: { $0.device == fileSystem.device }) else { continue }
            flush(fileSystem, isInUse: false)
            forget(fileSystem)
        }
    }

    /// What a power failure leaves of mounted file systems: everything that was synced, with a journal to replay.
    mutating func losePowerOfMountedFileSystems() {
        for fileSystem in fileSystems.values where fileSystem.blockDevice != nil {
            flush(fileSystem, isInUse: true)
            forget(fileSystem)
        }
    }

    private mutating func forget(_ fileSystem: FakeFileSystem) {
        fileSystems[fileSystem.device] = nil
        nodes = nodes.filter { $0.value.device != fileSystem.device }
    }

    // MARK: Mounted file systems

    /// The file system whose mount is at exactly a path.
    func mountedFileSystem(at path: FilePath, _ call: FakeCall) throws(HostError) -> (FakeFileSystem, MountEntry) {
        _ = try walk(path, call)
        guard let entry = mountTable().topmost(at: path), let fileSystem = fileSystems[entry.device] else {
            throw call.failure(
                kind: .notVerified, detail: "nothing is mounted there, and the file system around it is left alone")
        }
        return (fileSystem, entry)
    }

    /// The size of a file system, mounted or not.
    func fileSystemSize(
        _ kind: FileSystemKind, _ device: FilePath, _ mountPoint: FilePath?, _ call: FakeCall
    ) throws(HostError) -> Int64 {
        if let mountPoint {
            let (fileSystem, _) = try mountedFileSystem(at: mountPoint, call)
            guard fileSystem.type == kind.rawValue,
                fileSystem.blockDevice == (try self.device(at: device, call).shown.number)
            else { throw call.failure(kind: .notVerified, detail: "\(fileSystem.source) is mounted there") }
        }
        return try content(kind, on: device, call).byteCount ?? 0
    }

    mutating func growFileSystem(
        _ kind: FileSystemKind, _ path: FilePath, _ mountPoint: FilePath?, _ call: FakeCall
    ) throws(HostError) -> GrowOutcome {
        let before = try fileSystemSize(kind, path, mountPoint, call)
        let device = try device(at: path, call)
        let content = try content(kind, on: path, call)
        guard before <= device.shown.size else {
            throw call.failure(kind: .damaged, detail: "the device has only \(device.shown.size) bytes")
        }
        guard device.shown.size - before >= 4096 else { return GrowOutcome(before: before, after: before) }
        guard mountPoint != nil || kind.isExtended else {
            throw call.failure(kind: .notSupported, detail: "\(kind) grows only while it is mounted")
        }
        if let mountPoint {
            guard try !mountedFileSystem(at: mountPoint, call).1.isReadOnly else {
                throw call.failure(.readOnlyFileSystem)
            }
        }
        let size = device.shown.size / 4096 * 4096
        let superblock = FakeSuperblock(
            kind: kind, uuid: content.uuid.flatMap(Self.uuidBytes) ?? [UInt8](repeating: 0, count: 16),
            label: content.label, size: size, sectorSize: try xfsSectorSize(device, call))
        for (offset, bytes) in superblock.writes { try writeDevice(device.shown.number, at: offset, bytes, call) }
        syncDevice(device.shown.number)
        for number in fileSystems.keys where fileSystems[number]?.blockDevice == device.shown.number {
            fileSystems[number]?.totalBytes = size
        }
        return GrowOutcome(before: before, after: size)
    }

    mutating func freeze(_ path: FilePath, until deadline: Duration, _ call: FakeCall) throws(HostError) {
        let (fileSystem, entry) = try mountedFileSystem(at: path, call)
        guard !entry.isReadOnly else { throw call.failure(.readOnlyFileSystem) }
        guard fileSystem.frozenUntil == nil else {
            throw call.failure(.resourceBusy, detail: "somebody has frozen it already")
        }
        for node in linkedNodes(on: fileSystem.device) { nodes[node.id]?.sync() }
        flush(fileSystem, isInUse: false)
        fileSystems[fileSystem.device]?.frozenUntil = deadline
    }

    /// Does what the children that hold file systems frozen do when the time is over.
    mutating func endFreezes(at now: Duration) {
        for (device, fileSystem) in fileSystems {
            guard let deadline = fileSystem.frozenUntil, deadline <= now else { continue }
            fileSystems[device]?.frozenUntil = nil
            flush(fileSystem, isInUse: true)
        }
    }

    /// Thaws a file system; answers until when it would have stayed frozen, nil when it was not.
    mutating func thaw(_ path: FilePath, _ call: FakeCall) throws(HostError) -> Duration? {
        let (fileSystem, _) = try mountedFileSystem(at: path, call)
        guard let deadline = fileSystem.frozenUntil else { return nil }
        fileSystems[fileSystem.device]?.frozenUntil = nil
        flush(fileSystem, isInUse: true)
        return deadline
    }
}
