import CSIHost
import SystemPackage

/// The whole state of a fake host as a value, so that it can be kept and put back.
struct FakeWorld: Sendable {
    var nodes: [NodeID: FakeNode] = [:]
    var fileSystems: [DeviceNumber: FakeFileSystem] = [:]
    /// In the order in which they were made, detached ones included.
    var mounts: [FakeMount] = []
    /// How many trees hold a directory open, by mount.
    var openHandles: [Int: Int] = [:]
    /// Which nodes are locked by handles.
    var locks: Set<NodeID> = []
    var devices: [DeviceNumber: FakeBlockDevice] = [:]
    /// Devices that will be there at a time of the monotonic clock.
    var arrivals: [(time: Duration, device: FakeBlockDevice)] = []
    /// The files of file systems that are not mounted, by the number that is on their devices.
    var trees: [UInt64: FakeTree] = [:]
    var scripts = FakeScripts()
    var machine = FakeMachine()
    var servers: [String: FakeServer] = [:]
    private var lastPeerGroup = 0
    private var lastSequence: UInt64 = 0
    private var lastNode: NodeID = 1
    private var lastMount = 20
    private var lastDevice: UInt32 = 30
    private var lastName: UInt64 = 0

    /// A world with one file system at `/`.
    init() {
        let device = addFileSystem(type: "ext4", source: "/dev/vda", totalBytes: 16 << 30, totalInodes: 1 << 20)
        let root = addMount(device, root: rootNode(of: device), covering: nil, in: 1, options: [], isPermanent: true)
        addDeviceDirectory(in: root)
    }

    // MARK: File systems and nodes

    /// - Parameter device: the block device it is on; nil for one that needs none.
    @discardableResult
    mutating func addFileSystem(
        type: String, source: String, totalBytes: Int64, totalInodes: Int64, isReadOnly: Bool = false,
        device: DeviceNumber? = nil
    ) -> DeviceNumber {
        lastDevice += 1
        let device = device ?? DeviceNumber(major: 0, minor: lastDevice)
        let root = addNode(on: device, .directory(entries: [:], durable: [:]), FilePermissions(rawValue: 0o755))
        fileSystems[device] = FakeFileSystem(
            device: device, type: type, source: source, root: root, totalBytes: totalBytes, totalInodes: totalInodes,
            isReadOnly: isReadOnly)
        return device
    }

    func rootNode(of device: DeviceNumber) -> NodeID {
        fileSystems[device]?.root ?? 0
    }

    mutating func addNode(
        on device: DeviceNumber, _ content: FakeNode.Content, _ permissions: FilePermissions
    ) -> NodeID {
        lastNode += 1
        nodes[lastNode] = FakeNode(id: lastNode, device: device, content: content, permissions: permissions)
        return lastNode
    }

    /// Gives a node a name, in place of what has that name.
    mutating func link(_ node: NodeID, as name: FilePath.Component, in parent: NodeID) {
        nodes[parent]?.setEntry(name, node)
        nodes[node]?.places.append(FakeNode.Place(parent: parent, name: name))
    }

    /// Takes a name away from the node that has it.
    ///
    /// The node stays while a power failure could bring it back or somebody holds it.
    mutating func unlink(_ name: FilePath.Component, in parent: NodeID) {
        guard let node = nodes[parent]?.entries[name] else { return }
        nodes[parent]?.setEntry(name, nil)
        nodes[node]?.places.removeAll { $0 == FakeNode.Place(parent: parent, name: name) }
    }

    /// Takes all of a node's names away.
    mutating func unlink(_ node: NodeID) {
        for place in nodes[node]?.places ?? [] { unlink(place.name, in: place.parent) }
    }

    /// The nodes that have a name, which are those that take space.
    func linkedNodes(on device: DeviceNumber) -> [FakeNode] {
        var found: [FakeNode] = []
        var hardLinked: Set<NodeID> = []
        var pending = [rootNode(of: device)]
        while let id = pending.popLast() {
            guard let node = nodes[id], node.places.count < 2 || hardLinked.insert(id).inserted else { continue }
            found.append(node)
            pending += node.entries.values
        }
        return found
    }

    func capacity(of device: DeviceNumber) -> FileSystemCapacity {
        let linked = linkedNodes(on: device)
        let total = fileSystems[device]
        let (bytes, inodes) = (total?.totalBytes ?? 0, total?.totalInodes ?? 0)
        let usedBytes = linked.reduce(0) { $0 + $1.usedBytes }
        let usedInodes = Int64(linked.count)
        return FileSystemCapacity(
            totalBytes: bytes, usedBytes: usedBytes, availableBytes: max(0, bytes - usedBytes), totalInodes: inodes,
            usedInodes: usedInodes, availableInodes: max(0, inodes - usedInodes))
    }

    /// Fails as a full disk or quota does when there is no room for one more node of this size, or for so many more bytes in
    /// nodes that are there.
    /// - Parameter owner: the directory that the new node is made in, or the node that grows.
    func requireRoom(
        for bytes: Int64, inodes: Int64 = 0, in owner: NodeID, _ call: FakeCall
    ) throws(HostError) {
        guard let device = nodes[owner]?.device else { throw call.failure(.noSuchFileOrDirectory) }
        let free = capacity(of: device)
        let (rounded, overflow) = max(0, bytes).addingReportingOverflow(SparseBytes.pageSize - 1)
        let needed = rounded / SparseBytes.pageSize * SparseBytes.pageSize
        try requireQuota(for: needed, inodes: inodes, in: owner, call)
        guard !overflow, free.availableInodes > 0, needed <= free.availableBytes else {
            throw call.failure(.noSpace)
        }
    }

    /// The path of a node inside its file system; nil when it has been removed.
    func pathInFileSystem(_ id: NodeID) -> FilePath? {
        bytesInFileSystem(id).map { KnownPaths.path(of: $0) }
    }

    /// The same as bytes.
    func bytesInFileSystem(_ id: NodeID) -> PathBytes? {
        var names: [[UInt8]] = []
        var next = id
        while let node = nodes[next] {
            guard let place = node.places.first else {
                guard next == rootNode(of: node.device) else { return nil }
                return PathBytes(names.isEmpty ? [0x2f] : names.reversed().flatMap { [0x2f] + $0 })
            }
            names.append(place.bytes)
            next = place.parent
        }
        return nil
    }

    mutating func nextSequence() -> UInt64 {
        lastSequence += 1
        return lastSequence
    }

    mutating func nextName(prefix: String) -> String {
        lastName += 1
        let digits = String(lastName, radix: 16)
        return prefix + String(repeating: "0", count: 16 - digits.count) + digits
    }

    // MARK: Mounts

    @discardableResult
    mutating func addMount(
        _ device: DeviceNumber, root: NodeID, covering covered: NodeID?, in parent: Int, options: BindOptions,
        isPermanent: Bool, client: FakeClient? = nil
    ) -> FakeMount {
        lastMount += 1
        var mount = FakeMount(
            id: lastMount, parentID: parent, covered: covered, device: device, root: root, options: options,
            isPermanent: isPermanent, client: client)
        // What is mounted on a shared mount is shared from then on, as a group of its own.
        if self.mount(parent)?.peerGroup != nil { mount.peerGroup = nextPeerGroup() }
        mounts.append(mount)
        return mount
    }

    mutating func nextPeerGroup() -> Int {
        lastPeerGroup += 1
        return lastPeerGroup
    }

    func mount(_ id: Int) -> FakeMount? {
        mounts.first { $0.id == id }
    }

    /// Whether any attached mount covers the node, which then can be neither removed nor renamed.
    func isMountPoint(_ node: NodeID) -> Bool {
        mounts.contains { $0.isAttached && $0.covered == node }
    }

    // MARK: Crashes

    /// What a dying process takes with it.
    mutating func loseProcess() {
        locks = []
        openHandles = [:]
        mounts.removeAll { !$0.isAttached }
        // The child process that holds a file system frozen thaws it when the driver dies.
        for device in fileSystems.keys { fileSystems[device]?.frozenUntil = nil }
        releaseUnmountedFileSystems()
        for number in devices.keys { devices[number]?.handles = 0 }
        dropIdleLoops()
    }

    /// What a power failure takes with it: everything that was not synced, and mounts that no one makes at boot.
    mutating func losePower() {
        loseProcess()
        let permanent = mounts.filter { $0.isPermanent }
        mounts = permanent
        for id in nodes.keys {
            nodes[id]?.loseVolatile()
            nodes[id]?.places = []
        }
        losePowerOfMountedFileSystems()
        var alive: Set<NodeID> = []
        var pending = fileSystems.values.map(\.root)
        while let id = pending.popLast() {
            guard alive.insert(id).inserted, let node = nodes[id] else { continue }
            for (name, child) in node.entries {
                nodes[child]?.places.append(FakeNode.Place(parent: id, name: name))
                pending.append(child)
            }
        }
        nodes = nodes.filter { alive.contains($0.key) }
        dropLimitsOfLostTrees()
        loseDevicePower()
    }
}
