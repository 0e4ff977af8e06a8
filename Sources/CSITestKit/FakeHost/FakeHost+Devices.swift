public import CSIHost
public import SystemPackage

/// Setting up and looking at the block devices of a fake host, and what other programs do with them: without effects.
extension FakeHost {
    /// Adds a disk of zeros, with its node in `/dev`, which survives a power failure.
    ///
    /// - Parameters:
    ///   - name: the kernel's name, such as `sdb`.
    ///   - size: the size in bytes.
    ///   - logicalSectorSize: the sector that is addressed, in bytes.
    ///   - physicalSectorSize: the sector that the medium writes, in bytes.
    ///   - isReadOnly: whether writes are refused.
    ///   - isRemovable: whether the medium can be taken out.
    ///   - serial: the serial number; nil for none.
    ///   - worldWideID: the world-wide identifier; nil for none.
    ///   - links: links to the node, below `/dev`, such as `/dev/disk/by-id/...`.
    ///   - delay: after which time on the clock it appears; zero for now.
    @discardableResult
    public func addBlockDevice(
        _ name: String, size: Int64, logicalSectorSize: Int = 512, physicalSectorSize: Int = 512,
        isReadOnly: Bool = false, isRemovable: Bool = false, serial: String? = nil, worldWideID: String? = nil,
        links: [FilePath] = [], after delay: Duration = .zero
    ) -> BlockDevice? {
        let time = manualClock.now + delay
        return try? inspect { (state) throws(HostError) in
            // The number of a disk that went stays taken while it is mounted.
            let known = Array(state.world.devices.keys) + Array(state.world.fileSystems.keys)
            let taken = known.filter { $0.major == 8 }.map(\.minor)
            let coming = state.world.arrivals.map(\.device.shown.number.minor)
            let number = DeviceNumber(major: 8, minor: ((taken + coming).max() ?? 0) + 16)
            let shown = BlockDevice(
                name: name, path: FilePath("/dev").appending(name), number: number, links: links, size: size,
                logicalSectorSize: logicalSectorSize, physicalSectorSize: physicalSectorSize, isReadOnly: isReadOnly,
                isRemovable: isRemovable, serial: serial, worldWideID: worldWideID,
                sequence: state.world.nextSequence())
            let zeros = SparseBytes(zeros: size)
            let device = FakeBlockDevice(shown: shown, medium: .disk(bytes: zeros, durable: zeros))
            if delay > .zero {
                state.world.arrivals.append((time, device))
            } else {
                state.world.addDevice(device)
            }
            return shown
        }
    }

    /// Takes a device away, whoever uses it.
    public func removeBlockDevice(_ path: FilePath) {
        changeDevice(path) { (world, number) in world.removeDevice(number) }
    }

    /// Takes a disk out with what is on it, whoever uses it; nil when there is none.
    ///
    /// What was written and not synced goes along: a cloud detaches a volume after the kernel has flushed it.
    public func takeOutBlockDevice(_ path: FilePath) -> FakeDisk? {
        disk(at: path) { (world, number) in world.removeDevice(number) }
    }

    /// A copy of a disk with what is on it, mounted or not, as a storage system makes a snapshot of a volume that is in use; nil
    /// when there is none.
    public func copyBlockDevice(_ path: FilePath) -> FakeDisk? {
        disk(at: path) { (_, _) in }
    }

    private func disk(
        at path: FilePath, _ body: @Sendable (inout FakeWorld, DeviceNumber) -> Void
    ) -> FakeDisk? {
        var disk: FakeDisk?
        disk = try? inspect { (state) throws(HostError) in
            let call = FakeCall(operation: .inspectDevice, path: path)
            let number = try state.world.device(at: path, call).shown.number
            for fileSystem in state.world.fileSystems.values where fileSystem.blockDevice == number {
                state.world.flush(fileSystem, isInUse: true)
            }
            guard case .disk(let bytes, _) = try state.world.device(at: path, call).medium else { return nil }
            body(&state.world, number)
            return FakeDisk(bytes: bytes, trees: state.world.trees)
        }
        return disk
    }

    /// Puts a disk in that was taken out of this host or another one, after a time on the clock; zero for now.
    @discardableResult
    public func putInBlockDevice(
        _ disk: FakeDisk, as name: String, links: [FilePath] = [], after delay: Duration = .zero
    ) -> BlockDevice? {
        let shown = addBlockDevice(name, size: disk.bytes.count, links: links, after: delay)
        try? inspect { (state) throws(HostError) in
            guard let number = shown?.number else { return }
            if let (number, tree) = disk.tree { state.world.trees[number] = tree }
            let medium = FakeBlockDevice.Medium.disk(bytes: disk.bytes, durable: disk.bytes)
            state.world.devices[number]?.medium = medium
            for index in state.world.arrivals.indices
            where state.world.arrivals[index].device.shown.number == number {
                state.world.arrivals[index].device.medium = medium
            }
        }
        return shown
    }

    /// Makes a disk larger, as a storage system does with a volume that is in use.
    public func growBlockDevice(_ path: FilePath, to size: Int64) {
        changeDevice(path) { (world, number) in
            guard var device = world.devices[number], case .disk(var bytes, var durable) = device.medium,
                size > device.shown.size
            else { return }
            bytes.resize(to: size)
            durable.resize(to: size)
            device.medium = .disk(bytes: bytes, durable: durable)
            device.shown.size = size
            world.devices[number] = device
        }
    }

    /// Makes a part of a device unreadable.
    public func breakSectors(of path: FilePath, _ range: Range<Int64>) {
        changeDevice(path) { (world, number) in world.devices[number]?.broken.append(range) }
    }

    /// Changes whether a device can be written.
    public func setReadOnly(_ isReadOnly: Bool, device path: FilePath) {
        changeDevice(path) { (world, number) in world.devices[number]?.shown.isReadOnly = isReadOnly }
    }

    /// Writes to a file or device as an application does; a power failure takes it back until it is synced.
    ///
    /// - Parameters:
    ///   - bytes: what to write.
    ///   - path: the file, the device's node, or a place where one of them is bound.
    ///   - offset: where to write; a file becomes larger if need be.
    /// - Returns: false when the kernel would refuse it.
    public func applicationWrites(_ bytes: [UInt8], into path: FilePath, at offset: Int64) -> Bool {
        let written = try? inspect { (state) throws(HostError) -> Bool in
            let call = FakeCall(operation: .writeFile, path: path)
            let position = try state.world.walk(path, call)
            try state.world.requireWritable(position, call)
            guard let node = state.world.nodes[position.node] else { return false }
            if let number = node.blockDevice {
                try state.world.writeDevice(number, at: offset, bytes, call)
            } else if node.kind == .regular {
                var content = node.bytes
                content.write(bytes, at: offset)
                let growth = content.allocatedBytes - node.bytes.allocatedBytes
                try state.world.requireRoom(for: growth, in: position.node, call)
                state.world.nodes[position.node]?.bytes = content
            } else {
                return false
            }
            return true
        }
        return written ?? false
    }

    /// Bytes of a file or device of any size, fewer at its end; nil when there is none.
    public func bytes(of path: FilePath, at offset: Int64, count: Int) -> [UInt8]? {
        sparseContent(of: path)?.read(at: offset, count: count)
    }

    /// Takes the end of a file away, whoever uses it.
    public func truncate(_ path: FilePath, to size: Int64) {
        try? inspect { (state) throws(HostError) in
            let position = try state.world.walk(path, FakeCall(operation: .setFileSize, path: path))
            state.world.nodes[position.node]?.bytes.resize(to: size)
        }
    }

    /// Makes everything written to a device survive a power failure, as a flush does.
    public func syncDevice(_ path: FilePath) {
        changeDevice(path) { (world, number) in world.syncDevice(number) }
    }

    /// Bytes of a device, fewer at its end; nil when it cannot be read.
    public func deviceContent(of path: FilePath, at offset: Int64, count: Int) -> [UInt8]? {
        try? inspect { (state) throws(HostError) in
            let call = FakeCall(operation: .readDevice, path: path)
            let device = try state.world.device(at: path, call)
            return try state.world.readDevice(device, at: offset, count: count, call)
        }
    }

    /// Lets a program open a device, which keeps it from being detached until ``close(_:by:)``.
    public func open(_ path: FilePath, by program: String) {
        changeDevice(path) { (world, number) in world.devices[number]?.openers.append(program) }
    }

    /// Lets a program close a device that it has opened; one that waits for its last user then goes.
    public func close(_ path: FilePath, by program: String) {
        changeDevice(path) { (world, number) in
            guard let index = world.devices[number]?.openers.firstIndex(of: program) else { return }
            world.devices[number]?.openers.remove(at: index)
        }
    }

    /// Names the devices that are built on a device, such as `dm-0`; they keep it in use.
    public func setHolders(_ holders: [String], of path: FilePath) {
        changeDevice(path) { (world, number) in world.devices[number]?.shown.holders = holders.sorted() }
    }

    /// Mounts a device as another program does, with an empty file system of some type on it.
    public func anotherProgramMounts(_ device: FilePath, at path: FilePath, type: String = "ext4") {
        addDirectory(path)
        try? inspect { (state) throws(HostError) in
            let call = FakeCall(operation: .bindMount, path: path)
            let shown = try state.world.device(at: device, call).shown
            let place = try state.world.walk(path, call)
            state.world.addFileSystem(
                type: type, source: shown.path.string, totalBytes: shown.size, totalInodes: 1 << 16,
                isReadOnly: shown.isReadOnly, device: shown.number)
            state.world.addMount(
                shown.number, root: state.world.rootNode(of: shown.number), covering: place.node, in: place.mount,
                options: [], isPermanent: false)
        }
    }

    // MARK: Loop devices

    /// The attached loop devices in the order of their numbers.
    public var loopDevices: [LoopDevice] {
        (try? inspect { (state) throws(HostError) in state.world.loopDevices }) ?? []
    }

    /// Attaches a file as another program does: without the lock that keeps this library from attaching it again.
    @discardableResult
    public func anotherProgramAttaches(_ file: FilePath, name: String = "", isReadOnly: Bool = false) -> LoopDevice? {
        try? inspect { (state) throws(HostError) in
            let call = FakeCall(operation: .attachLoop, path: file)
            let options = LoopOptions(name: name, isReadOnly: isReadOnly, sectorSize: .bytes512, directIO: .off)
            return try state.world.attachLoop(try state.world.walk(file, call), options, locks: false, call)
        }
    }

    /// Detaches a loop device as another program does: at once, or with its last user where it is mounted or open.
    ///
    /// Its number is then free, and what is attached next gets it.
    public func anotherProgramDetaches(_ path: FilePath) {
        changeDevice(path) { (world, number) in world.clearLoop(number) }
    }

    /// Ends the mount namespace in which the file behind a loop device was attached, as the restart of a container does.
    ///
    /// From then on the kernel shows where the file is from the root of what was mounted in that namespace.
    ///
    /// - Parameters:
    ///   - device: its node.
    ///   - root: the directory of this host that was mounted there.
    public func endNamespace(attaching device: FilePath, where root: FilePath) {
        changeDevice(device) { (world, number) in
            guard var loop = world.devices[number]?.loop else { return }
            loop.lostRoot = root
            world.devices[number]?.medium = .loop(loop)
        }
    }

    // MARK: Private

    private func changeDevice(_ path: FilePath, _ body: (inout FakeWorld, DeviceNumber) -> Void) {
        try? inspect { (state) throws(HostError) in
            let call = FakeCall(operation: .inspectDevice, path: path)
            guard let number = try state.world.deviceNumber(at: path, call) else { return }
            body(&state.world, number)
        }
    }
}
