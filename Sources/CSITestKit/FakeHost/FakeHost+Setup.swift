public import CSIHost
public import SystemPackage

/// Setting up and looking at the world of a fake host, without effects: nothing here is recorded, fails on request, or
/// is lost in a power failure.
extension FakeHost {
    /// Creates a directory and the missing ones above it.
    public func addDirectory(_ path: FilePath, permissions: FilePermissions = FilePermissions(rawValue: 0o755)) {
        change(path) { (world, slot) in
            guard slot.node == nil else { return }
            world.place(.directory(entries: [:], durable: [:]), permissions, slot)
        }
    }

    /// Creates or replaces a file, and the missing directories above it.
    public func addFile(
        _ path: FilePath, _ bytes: [UInt8], permissions: FilePermissions = FilePermissions(rawValue: 0o644)
    ) {
        change(path) { (world, slot) in
            world.place(.file(bytes), permissions, slot)
        }
    }

    /// Creates a symbolic link, and the missing directories above it.
    public func addSymbolicLink(_ path: FilePath, to target: FilePath) {
        change(path) { (world, slot) in
            world.place(.symbolicLink(to: target), FilePermissions(rawValue: 0o777), slot)
        }
    }

    /// Mounts a new, empty file system, which comes back after a power failure, at a directory that is created if needed.
    @discardableResult
    public func addFileSystem(
        at path: FilePath, type: String = "ext4", source: String = "/dev/fake", bytes: Int64 = 16 << 30,
        inodes: Int64 = 1 << 20, isReadOnly: Bool = false
    ) -> DeviceNumber? {
        addDirectory(path)
        return try? inspect { (state) throws(HostError) -> DeviceNumber in
            let call = FakeCall(operation: .bindMount, path: path)
            let place = try state.world.walk(path, call)
            let device = state.world.addFileSystem(
                type: type, source: source, totalBytes: bytes, totalInodes: inodes, isReadOnly: isReadOnly)
            state.world.addMount(
                device, root: state.world.rootNode(of: device), covering: place.node, in: place.mount, options: [],
                isPermanent: true)
            return device
        }
    }

    /// How mounts spread between the driver's mount namespace and that of the node.
    public enum Propagation: Sendable, Hashable, CaseIterable {
        /// Neither way: what the driver mounts, no pod sees.
        case `private`
        /// Both ways, as Kubernetes calls `Bidirectional`.
        case shared
        /// From the node to the driver alone, as Kubernetes calls `HostToContainer`.
        case slave
    }

    /// Sets how the mount at exactly a path spreads what is mounted on it; `/` is private at first, and so is the rest.
    public func setPropagation(_ propagation: Propagation, at path: FilePath) {
        try? inspect { (state) throws(HostError) in
            guard let top = state.world.mountTable().topmost(at: path),
                let index = state.world.mounts.firstIndex(where: { $0.id == top.mountID })
            else { return }
            let group = propagation == .private ? nil : state.world.nextPeerGroup()
            state.world.mounts[index].peerGroup = propagation == .shared ? group : nil
            state.world.mounts[index].masterGroup = propagation == .slave ? group : nil
        }
    }

    /// Whether the node, and so a pod, sees what the driver has mounted at exactly a path.
    public func nodeSeesMount(at path: FilePath) -> Bool {
        let table = mountTable
        guard let mount = table.topmost(at: path) else { return false }
        return table.entries.first { $0.mountID == mount.parentID }?.isShared ?? false
    }

    /// Changes the size of the file system that a path lies on, which can leave it overfull.
    public func setCapacity(of path: FilePath, bytes: Int64, inodes: Int64 = 1 << 20) {
        withFileSystem(of: path) { fileSystem in
            fileSystem.totalBytes = bytes
            fileSystem.totalInodes = inodes
        }
    }

    /// Makes the file system that a path lies on read-only or writable, as the kernel does after an error.
    public func setReadOnly(_ isReadOnly: Bool, fileSystemOf path: FilePath) {
        withFileSystem(of: path) { $0.isReadOnly = isReadOnly }
    }

    /// Damages a file or directory, as a failing disk does: its name is there, and whatever reaches it or what is below fails.
    ///
    /// - Parameters:
    ///   - path: what is damaged.
    ///   - kind: how all calls fail that reach it; nil to make it whole again.
    public func damage(_ path: FilePath, with kind: HostError.Kind? = .inputOutput) {
        try? inspect { (state) throws(HostError) in
            let slot = try state.world.slot(path, FakeCall(operation: .metadata, path: path))
            if let node = slot.node { state.world.nodes[node]?.damage = kind }
        }
    }

    /// Makes the file system that a path lies on count the sizes of trees, or hold them back, as an operator does who mounts
    /// it so; at first none does.
    ///
    /// ext4 and XFS do so by project, btrfs by subvolume.
    public func setQuotas(_ enforcement: QuotaSupport.Enforcement, fileSystemOf path: FilePath) {
        withFileSystem(of: path) { $0.quotas.enforcement = enforcement }
    }

    /// Makes a tree belong to a project, or limits it, as another program does.
    ///
    /// - Parameters:
    ///   - path: a directory.
    ///   - project: the project that it gets; nil for the one that it has.
    ///   - limits: what it may hold; nil for what it may hold now.
    public func anotherProgramSetsQuota(of path: FilePath, project: UInt32?, limits: QuotaLimits?) {
        try? inspect { (state) throws(HostError) in
            let call = FakeCall(operation: .setQuota, path: path)
            if let project { try state.world.setProject(project, of: path, from: state.world.top, call) }
            if let limits { try state.world.setQuota(limits, of: path, from: state.world.top, call) }
        }
    }

    /// The limits on the file system that a path lies on, by project or subvolume.
    public func quotaLimits(onFileSystemOf path: FilePath) -> [UInt64: QuotaLimits] {
        look(path) { (world, position) in
            world.nodes[position.node].flatMap { world.fileSystems[$0.device] }?.quotas.limits
        } ?? [:]
    }

    /// Every limit with the tree that it holds back, which is nowhere when the limit was forgotten.
    var quotaLines: [String] {
        (try? inspect { (state) throws(HostError) in state.world.quotaLines }) ?? []
    }

    /// What a tree holds and may hold; nil where nobody counts it.
    public func quota(of path: FilePath) -> TreeQuota? {
        look(path) { (world, position) in world.quota(of: position.node) }
    }

    /// Writes a file as an application in a pod does: through the mount it meets, and lost in a power failure.
    ///
    /// - Returns: false when the kernel would refuse it: read-only, no such directory, no space.
    public func applicationWrites(_ path: FilePath, _ bytes: [UInt8]) -> Bool {
        let written = try? inspect { (state) throws(HostError) -> Bool in
            try state.world.writeInPlace(path, bytes)
            return true
        }
        return written ?? false
    }

    /// The content of a file or device of at most 64 MiB; nil when there is no such thing.
    public func content(of path: FilePath) -> [UInt8]? {
        guard let bytes = sparseContent(of: path), bytes.count <= 64 << 20 else { return nil }
        return bytes.bytes
    }

    /// The content of a file or device of any size; nil when there is none.
    func sparseContent(of path: FilePath) -> SparseBytes? {
        look(path) { (world, position) in
            guard let node = world.nodes[position.node] else { return nil }
            if let device = node.blockDevice.flatMap({ world.devices[$0] }) { return world.content(of: device) }
            return node.kind == .regular ? node.bytes : nil
        }
    }

    /// What a path is, without following links; nil when nothing is there.
    public func metadata(of path: FilePath) -> FileMetadata? {
        look(path) { (world, position) in world.nodes[position.node]?.metadata }
    }

    /// The paths of everything at and below a directory, sorted, mounts included.
    public func paths(below path: FilePath) -> [FilePath] {
        look(path) { (world, position) in
            var found: [FilePath] = []
            var pending = [(path, position)]
            while let (path, position) = pending.popLast() {
                found.append(path)
                for (name, child) in world.nodes[position.node]?.entries ?? [:] {
                    let child = world.onTop(FakePosition(mount: position.mount, node: child))
                    pending.append((path.appending(name), child))
                }
            }
            return found.sorted { $0.string < $1.string }
        } ?? []
    }

    /// The mount table as it is now.
    public var mountTable: MountTable {
        (try? inspect { (state) throws(HostError) in state.world.mountTable() }) ?? MountTable(entries: [])
    }

    // MARK: Snapshots

    /// Files, mounts and locks of a fake host at one moment.
    public struct Snapshot: Sendable {
        fileprivate let world: FakeWorld
    }

    /// Keeps the present files, mounts and locks.
    public func snapshot() -> Snapshot {
        Snapshot(world: (try? inspect { (state) throws(HostError) in state.world }) ?? FakeWorld())
    }

    /// Puts kept files, mounts and locks back; what a process held before is dead, as after ``restart(after:)``.
    public func restore(_ snapshot: Snapshot) {
        try? inspect { (state) throws(HostError) in
            state.world = snapshot.world
            state.world.loseProcess()
            state.hasCrashed = false
            state.process += 1
        }
    }

    // MARK: Private

    private func change(_ path: FilePath, _ body: (inout FakeWorld, FakeWorld.Slot) -> Void) {
        try? inspect { (state) throws(HostError) in
            let call = FakeCall(operation: .createDirectory, path: path)
            var parent = state.world.top
            var names = KnownPaths.names(of: path)
            guard let last = names.popLast() else { return }
            for name in names {
                let slot = try state.world.slot(FilePath(root: nil, [name]), from: parent, call)
                if slot.node == nil {
                    let permissions = FilePermissions(rawValue: 0o755)
                    state.world.place(.directory(entries: [:], durable: [:]), permissions, slot)
                }
                parent = try state.world.step(name, from: parent, call)
            }
            body(&state.world, try state.world.slot(FilePath(root: nil, [last]), from: parent, call))
        }
    }

    func look<T: Sendable>(_ path: FilePath, _ body: (FakeWorld, FakePosition) -> T?) -> T? {
        try? inspect { (state) throws(HostError) -> T? in
            let call = FakeCall(operation: .metadata, path: path)
            return body(state.world, try state.world.walk(path, allowLink: true, call))
        }
    }

    private func withFileSystem(of path: FilePath, _ body: (inout FakeFileSystem) -> Void) {
        try? inspect { (state) throws(HostError) in
            let position = try state.world.walk(path, FakeCall(operation: .capacity, path: path))
            guard let device = state.world.nodes[position.node]?.device,
                var fileSystem = state.world.fileSystems[device]
            else { return }
            body(&fileSystem)
            state.world.fileSystems[device] = fileSystem
        }
    }
}

extension FakeWorld {
    /// Puts a durable node in a place, instead of what is there.
    fileprivate mutating func place(_ content: FakeNode.Content, _ permissions: FilePermissions, _ slot: Slot) {
        guard let device = nodes[slot.parent.node]?.device else { return }
        unlink(slot.name, in: slot.parent.node)
        let node = addNode(on: device, content, permissions)
        link(node, as: slot.name, in: slot.parent.node)
        nodes[slot.parent.node]?.sync()
    }
}
