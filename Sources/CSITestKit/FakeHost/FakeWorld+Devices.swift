import CSIHost
import SystemPackage

extension FakeWorld {
    // MARK: Nodes

    /// Mounts the directory of the device nodes.
    mutating func addDeviceDirectory(in root: FakeMount) {
        let permissions = FilePermissions(rawValue: 0o755)
        let place = addNode(on: root.device, .directory(entries: [:], durable: [:]), permissions)
        link(place, as: "dev", in: root.root)
        nodes[root.root]?.sync()
        let device = addFileSystem(type: "devtmpfs", source: "devtmpfs", totalBytes: 1 << 20, totalInodes: 1 << 20)
        addMount(
            device, root: rootNode(of: device), covering: place, in: root.id, options: [.noSetUserID],
            isPermanent: true)
    }

    private var deviceDirectory: NodeID? {
        fileSystems.values.first { $0.type == "devtmpfs" }?.root
    }

    /// Makes a device appear, with its node and links.
    mutating func addDevice(_ device: FakeBlockDevice) {
        let number = device.shown.number
        devices[number] = device
        guard let directory = deviceDirectory, let name = device.shown.path.lastComponent else { return }
        if let old = nodes[directory]?.entries[name] { unlink(old) }
        let home = nodes[directory]?.device ?? number
        link(addNode(on: home, .device(number), FilePermissions(rawValue: 0o660)), as: name, in: directory)
        for path in device.shown.links { addLink(path, to: device.shown.path, in: directory, on: home) }
    }

    private mutating func addLink(_ path: FilePath, to target: FilePath, in directory: NodeID, on home: DeviceNumber) {
        var path = path
        guard path.removePrefix("/dev"), let name = path.lastComponent else { return }
        var parent = directory
        for component in path.removingLastComponent().components {
            if let next = nodes[parent]?.entries[component] {
                parent = next
            } else {
                let next = addNode(
                    on: home, .directory(entries: [:], durable: [:]), FilePermissions(rawValue: 0o755))
                link(next, as: component, in: parent)
                parent = next
            }
        }
        if let old = nodes[parent]?.entries[name] { unlink(old) }
        link(addNode(on: home, .symbolicLink(to: target), FilePermissions(rawValue: 0o777)), as: name, in: parent)
    }

    /// Makes a device disappear, with its node and links.
    mutating func removeDevice(_ number: DeviceNumber) {
        guard let device = devices.removeValue(forKey: number) else { return }
        let call = FakeCall(operation: .inspectDevice, path: device.shown.path)
        for path in [device.shown.path] + device.shown.links {
            if let position = try? walk(path, allowLink: true, call) { unlink(position.node) }
        }
    }

    /// Lets the devices come that are due.
    mutating func admitArrivals(by now: Duration) {
        for arrival in arrivals where arrival.time <= now { addDevice(arrival.device) }
        arrivals.removeAll { $0.time <= now }
    }

    // MARK: Looking

    /// The number of the device that a path leads to, through links; nil when nothing is there.
    func deviceNumber(at path: FilePath, _ call: FakeCall) throws(HostError) -> DeviceNumber? {
        do throws(HostError) {
            let position = try walk(try canonical(path, call), call)
            guard let number = nodes[position.node]?.blockDevice else {
                throw call.failure(kind: .wrongType, detail: "it is no block device")
            }
            return number
        } catch  where error.kind == .notFound {
            return nil
        }
    }

    /// The device behind a path; fails when there is none.
    func device(at path: FilePath, _ call: FakeCall) throws(HostError) -> FakeBlockDevice {
        guard let number = try deviceNumber(at: path, call) else { throw call.failure(.noSuchFileOrDirectory) }
        // The node of a device that is gone, kept by a mount.
        guard let device = devices[number] else { throw call.failure(.noSuchAddressOrDevice) }
        return device
    }

    /// The devices that a selector means.
    func devices(matching selector: BlockDeviceSelector) -> [FakeBlockDevice] {
        switch selector {
        case .path(let path):
            let call = FakeCall(operation: .waitForDevice, path: path)
            guard let found = try? deviceNumber(at: path, call) else { return [] }
            return devices[found].map { [$0] } ?? []
        case .number(let number): return devices[number].map { [$0] } ?? []
        case .serial, .worldWideID: return devices.values.filter { $0.shown.isSelected(by: selector) }
        }
    }

    /// Who uses a device.
    func users(of number: DeviceNumber) -> [BlockDeviceUser] {
        guard let device = devices[number] else { return [] }
        let mounts = mountTable().entries.filter { self.blockDevice(of: $0.device) == number }.map {
            BlockDeviceUser.mount(at: $0.mountPoint)
        }
        let processes = device.openers.enumerated().map { index, program in
            BlockDeviceUser.process(Int32(1000 + index), program: program)
        }
        let own = device.handles > 0 ? [BlockDeviceUser.process(1, program: "driver")] : []
        return mounts + own + device.shown.holders.map(BlockDeviceUser.device) + processes
    }

    /// The block device that a mounted file system is on, which Btrfs does not show as its own number.
    private func blockDevice(of fileSystem: DeviceNumber) -> DeviceNumber {
        fileSystems[fileSystem]?.blockDevice ?? fileSystem
    }

    /// Whether a device has an exclusive user; a mount that was only detached still is one.
    func isExclusivelyUsed(_ number: DeviceNumber) -> Bool {
        mounts.contains { blockDevice(of: $0.device) == number } || devices[number]?.shown.holders.isEmpty == false
    }

    // MARK: Content

    /// The bytes of a device; nil when there is no such device.
    func content(of device: FakeBlockDevice) -> SparseBytes {
        switch device.medium {
        case .disk(let bytes, _): bytes
        case .loop(let loop): nodes[loop.file]?.bytes ?? SparseBytes()
        }
    }

    /// Reads from a device, as far as its medium reaches.
    func readDevice(
        _ device: FakeBlockDevice, at offset: Int64, count: Int, _ call: FakeCall
    ) throws(HostError) -> [UInt8] {
        guard offset < device.shown.size, count > 0 else { return [] }
        let end = offset + min(Int64(count), device.shown.size - offset)
        if let broken = device.broken.first(where: { $0.overlaps(offset..<end) }) {
            throw call.failure(.ioError, detail: "the medium cannot be read at byte \(max(offset, broken.lowerBound))")
        }
        let bytes = content(of: device)
        guard end <= bytes.count else {
            throw call.failure(.ioError, detail: "the file behind the device has only \(bytes.count) bytes")
        }
        return bytes.read(at: offset, count: Int(end - offset))
    }

    /// Writes to a device; a power failure takes it back until the device is synced.
    mutating func writeDevice(
        _ number: DeviceNumber, at offset: Int64, _ bytes: [UInt8], _ call: FakeCall
    ) throws(HostError) {
        guard var device = devices[number] else { throw call.failure(.noSuchAddressOrDevice) }
        guard !device.shown.isReadOnly else { throw call.failure(.notPermitted) }
        guard offset >= 0, bytes.count <= device.shown.size, offset <= device.shown.size - Int64(bytes.count) else {
            throw call.failure(.noSpace, detail: "the device ends at byte \(device.shown.size)")
        }
        switch device.medium {
        case .disk(var content, let durable):
            content.write(bytes, at: offset)
            device.medium = .disk(bytes: content, durable: durable)
            devices[number] = device
        case .loop(let loop):
            guard let node = nodes[loop.file] else { throw call.failure(.ioError) }
            var content = node.bytes
            content.write(bytes, at: offset)
            // A thin image that finds no room fails the write, and nothing else says so.
            do throws(HostError) {
                try requireRoom(for: content.allocatedBytes - node.bytes.allocatedBytes, in: loop.file, call)
            } catch {
                throw call.failure(.ioError, detail: "the file system of the file behind the device is full")
            }
            nodes[loop.file]?.bytes = content
        }
    }

    /// Makes a part of a device zero without room, as discarding does.
    mutating func discardDevice(_ number: DeviceNumber, _ range: Range<Int64>) {
        switch devices[number]?.medium {
        case .disk(var content, let durable):
            content.punch(range)
            devices[number]?.medium = .disk(bytes: content, durable: durable)
        case .loop(let loop): nodes[loop.file]?.bytes.punch(range)
        case nil: break
        }
    }

    /// Makes what has been written to a device survive a power failure.
    mutating func syncDevice(_ number: DeviceNumber) {
        switch devices[number]?.medium {
        case .disk(let content, _): devices[number]?.medium = .disk(bytes: content, durable: content)
        case .loop(let loop): nodes[loop.file]?.sync()
        case nil: break
        }
    }

    /// What a power failure takes from the devices: what was not synced, loop devices, who used them.
    mutating func loseDevicePower() {
        let disks = devices.values.filter { $0.loop == nil }
        devices = [:]
        for var disk in disks.sorted(by: { $0.shown.name < $1.shown.name }) {
            if case .disk(_, let durable) = disk.medium { disk.medium = .disk(bytes: durable, durable: durable) }
            disk.openers = []
            disk.handles = 0
            disk.shown.holders = []
            addDevice(disk)
        }
    }
}

extension BlockDevice {
    /// Whether what it reports is what a selector asks for.
    func isSelected(by selector: BlockDeviceSelector) -> Bool {
        switch selector {
        case .path(let path): self.path == path || links.contains(path)
        case .number(let number): self.number == number
        case .serial(let serial): !isPartition && self.serial == serial
        case .worldWideID(let id): !isPartition && worldWideID == id
        }
    }
}
