import CSIHost
import SystemPackage

extension FakeWorld {
    /// The attached loop devices in the order of their numbers.
    var loopDevices: [LoopDevice] {
        devices.values.compactMap(shown).sorted { $0.number < $1.number }
    }

    private func shown(_ device: FakeBlockDevice) -> LoopDevice? {
        guard let loop = device.loop, let file = nodes[loop.file] else { return nil }
        return LoopDevice(
            number: loop.number, path: device.shown.path, device: device.shown.number,
            backing: FileIdentity(device: file.device, inode: file.id),
            backingPath: shownPath(of: loop),
            name: loop.name, isReadOnly: device.shown.isReadOnly, isDirectIO: loop.isDirectIO,
            isDetachedOnLastClose: loop.isDetachedOnLastClose, sectorSize: device.shown.logicalSectorSize,
            size: device.shown.size, sequence: device.shown.sequence)
    }

    private func shownPath(of loop: FakeLoop) -> String {
        let path = backingPath(of: loop.file) ?? "\(loop.path) (deleted)"
        guard let root = loop.lostRoot?.string, path.hasPrefix(root + "/") else { return path }
        return String(path.dropFirst(root.count))
    }

    /// Where a file is, as the kernel shows it behind a device.
    private func backingPath(of file: NodeID) -> String? {
        guard let node = nodes[file], var inside = pathInFileSystem(file) else { return nil }
        for mount in mountTable().entries where mount.device == node.device {
            if inside.removePrefix(mount.root) { return mount.mountPoint.pushing(inside).string }
        }
        return inside.string
    }

    /// Whether an attachment keeps a file locked.
    func isLockedByLoop(_ file: NodeID, sharing: Bool = false) -> Bool {
        devices.values.contains { device in
            guard let loop = device.loop, loop.file == file, loop.holdsLock else { return false }
            return !(sharing && device.shown.isReadOnly)
        }
    }

    /// Attaches a file.
    ///
    /// - Parameter locks: whether the kernel is to keep a lock on it, which another program does not ask for.
    mutating func attachLoop(
        _ file: FakePosition, _ options: LoopOptions, locks: Bool, _ call: FakeCall
    ) throws(HostError) -> LoopDevice {
        guard let node = nodes[file.node] else { throw call.failure(.noSuchFileOrDirectory) }
        _ = try LoopRule.name(of: options, at: call.path)
        try LoopRule.check(kind: node.kind, size: node.bytes.count, options: options, at: call.path)
        if !options.isReadOnly { try requireWritable(file, call) }
        if locks {
            guard !self.locks.contains(node.id), !isLockedByLoop(node.id, sharing: options.isReadOnly) else {
                throw call.failure(kind: .lockHeld, detail: "it is attached already, or another process has locked it")
            }
        }
        let canBypassCache = fileSystems[node.device]?.canBypassCache ?? false
        if options.directIO == .required, !canBypassCache {
            throw LoopRule.cannotBypassCache(call.path, call.operation)
        }
        let used = Set(devices.values.compactMap(\.loop?.number))
        let number = (0...used.count).first { !used.contains($0) } ?? used.count
        let loop = FakeLoop(
            number: number, file: node.id, path: backingPath(of: node.id) ?? "/", name: options.name,
            isDirectIO: options.directIO != .off && canBypassCache, holdsLock: locks,
            takesDiscards: options.takesDiscards)
        let device = BlockDevice(
            name: "loop\(number)", path: FilePath("/dev/loop\(number)"),
            number: DeviceNumber(major: 7, minor: UInt32(clamping: number)), size: node.bytes.count,
            logicalSectorSize: options.sectorSize.rawValue, physicalSectorSize: options.sectorSize.rawValue,
            isReadOnly: options.isReadOnly, sequence: nextSequence())
        addDevice(FakeBlockDevice(shown: device, medium: .loop(loop)))
        guard let attached = devices[device.number].flatMap(shown) else { throw call.failure(kind: .notVerified) }
        return attached
    }

    /// The device as it is now, if it still is the same attachment.
    func current(_ device: LoopDevice) -> FakeBlockDevice? {
        guard let current = devices[device.device], let now = shown(current), now.backing == device.backing,
            device.sequence == nil || now.sequence == device.sequence
        else { return nil }
        return current
    }

    mutating func refreshLoop(_ device: LoopDevice) throws(HostError) -> LoopDevice {
        guard var now = current(device), let loop = now.loop else { throw LoopRule.replaced(device, .refreshLoop) }
        let sector = Int64(now.shown.logicalSectorSize)
        now.shown.size = (nodes[loop.file]?.bytes.count ?? 0) / sector * sector
        devices[device.device] = now
        return shown(now) ?? device
    }

    mutating func setDirectIO(_ isDirect: Bool, of device: LoopDevice) throws(HostError) -> LoopDevice {
        guard var now = current(device), var loop = now.loop else {
            throw LoopRule.replaced(device, .setLoopDirectIO)
        }
        let canBypassCache = nodes[loop.file].flatMap { fileSystems[$0.device]?.canBypassCache } ?? false
        guard !isDirect || canBypassCache else { throw LoopRule.cannotBypassCache(device.path, .setLoopDirectIO) }
        loop.isDirectIO = isDirect
        now.medium = .loop(loop)
        devices[device.device] = now
        return shown(now) ?? device
    }

    /// Detaches a device; one that is used is not, as if the time to wait were over.
    mutating func detachLoop(_ device: LoopDevice) throws(HostError) -> Bool {
        guard current(device) != nil else { return false }
        let users = users(of: device.device)
        if !isExclusivelyUsed(device.device) { clearLoop(device.device) }
        guard current(device) == nil else { throw LoopRule.stillUsed(device, by: users) }
        return true
    }

    /// Tells a device to go, which it does with its last user.
    mutating func clearLoop(_ number: DeviceNumber) {
        guard var loop = devices[number]?.loop else { return }
        loop.isDetachedOnLastClose = true
        devices[number]?.medium = .loop(loop)
        dropIdleLoops()
    }

    /// Takes away the devices that have been told to go and that nobody uses any more.
    mutating func dropIdleLoops() {
        for (number, device) in devices where device.loop?.isDetachedOnLastClose == true {
            if device.openers.isEmpty, device.handles == 0, !isExclusivelyUsed(number) { removeDevice(number) }
        }
    }
}
