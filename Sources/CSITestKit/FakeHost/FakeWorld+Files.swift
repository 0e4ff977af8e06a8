import CSIHost
import SystemPackage

extension FakeWorld {
    /// Creates a node under a free name; fails as the kernel does, which looks at the name before it looks at the mount.
    mutating func create(
        _ slot: Slot, _ content: FakeNode.Content, _ permissions: FilePermissions, _ call: FakeCall
    ) throws(HostError) -> NodeID {
        guard slot.node == nil else { throw call.failure(.fileExists) }
        try requireWritable(slot.parent, call)
        guard let device = nodes[slot.parent.node]?.device else { throw call.failure(.noSuchFileOrDirectory) }
        try requireRoom(for: 0, inodes: 1, in: slot.parent.node, call)
        let node = addNode(on: device, content, permissions)
        own(node)
        link(node, as: slot.name, in: slot.parent.node)
        inheritProject(node, from: slot.parent.node)
        return node
    }

    mutating func createMountPoint(
        _ path: FilePath, kind: FileKind, _ permissions: FilePermissions
    ) throws(HostError) -> Bool {
        let call = FakeCall(operation: .createMountPoint, path: path)
        guard kind == .directory || kind == .regular else {
            throw call.failure(kind: .invalidArgument, detail: "a mount point is a directory or a regular file")
        }
        let slot = try slot(path, call)
        guard let existing = slot.node else {
            let content: FakeNode.Content =
                kind == .directory ? .directory(entries: [:], durable: [:]) : .file()
            _ = try create(slot, content, permissions, call)
            return true
        }
        let visible = onTop(FakePosition(mount: slot.parent.mount, node: existing))
        switch nodes[visible.node]?.kind {
        case kind: return false
        case .symbolicLink: throw call.failure(kind: .symbolicLink, detail: "a mount point must not be a link")
        default: throw call.failure(kind: .wrongType)
        }
    }

    mutating func removeMountPoint(_ path: FilePath) throws(HostError) -> Bool {
        let call = FakeCall(operation: .removeMountPoint, path: path)
        let slot: Slot
        do throws(HostError) {
            slot = try self.slot(path, call)
        } catch  where error.kind == .notFound {
            return false
        }
        try requireWritable(slot.parent, call)
        guard let id = slot.node, let node = nodes[id] else { return false }
        if isMountPoint(id) { throw call.failure(.resourceBusy, detail: "something is mounted there") }
        switch node.kind {
        case .symbolicLink: throw call.failure(kind: .symbolicLink, detail: "it is left alone")
        case .special: throw call.failure(kind: .wrongType)
        case .regular:
            guard node.bytes.isEmpty else { throw call.failure(kind: .notEmpty, detail: "it is left alone") }
        case .directory:
            guard node.entries.isEmpty else { throw call.failure(.directoryNotEmpty) }
        }
        unlink(slot.name, in: slot.parent.node)
        return true
    }

    /// Removes one name; the kind decides which of the kernel's two calls is meant.
    mutating func remove(
        _ path: FilePath, from start: FakePosition, directory: Bool, _ call: FakeCall
    ) throws(HostError) -> Bool {
        let slot = try slot(path, from: start, call)
        try requireWritable(slot.parent, call)
        guard let id = slot.node, let node = nodes[id] else { return false }
        if directory, node.kind != .directory { throw call.failure(.notDirectory) }
        if !directory, node.kind == .directory { throw call.failure(.isDirectory) }
        if isMountPoint(id) { throw call.failure(.resourceBusy, detail: "something is mounted there") }
        guard node.entries.isEmpty else { throw call.failure(.directoryNotEmpty) }
        dropQuotas(of: [id])
        unlink(slot.name, in: slot.parent.node)
        return true
    }

    mutating func removeTree(_ path: FilePath, from start: FakePosition, _ call: FakeCall) throws(HostError) {
        let slot: Slot
        do throws(HostError) {
            slot = try self.slot(path, from: start, call)
        } catch  where error.kind == .notFound {
            return
        }
        try requireWritable(slot.parent, call)
        guard let id = slot.node else { return }
        let doomed = subtree(of: id)
        if let mount = doomed.first(where: isMountPoint) {
            let name = pathInFileSystem(mount)?.string ?? ""
            throw call.failure(kind: .busy, detail: "\"\(name)\" is a mount point: unmount it first")
        }
        dropQuotas(of: doomed)
        unlink(doomed.reversed(), below: slot)
    }

    /// Removes the last half of a tree, as a removal does that is interrupted.
    mutating func removeHalf(of path: FilePath, from start: FakePosition, _ call: FakeCall) {
        guard let slot = try? slot(path, from: start, call), let id = slot.node else { return }
        let doomed = subtree(of: id)
        unlink(doomed.reversed().prefix(doomed.count / 2), below: slot)
    }

    /// Takes from nodes of a tree the names that they have in it.
    private mutating func unlink(_ doomed: some Collection<NodeID>, below slot: Slot) {
        let tree = Set(slot.node.map(subtree) ?? [])
        for node in doomed {
            for place in nodes[node]?.places ?? [] {
                let isTop = place.parent == slot.parent.node && place.name == slot.name
                if isTop || tree.contains(place.parent) { unlink(place.name, in: place.parent) }
            }
        }
    }

    /// A node and everything below it, parents first.
    func subtree(of id: NodeID) -> [NodeID] {
        var found: [NodeID] = []
        var pending = [id]
        while let next = pending.popLast() {
            found.append(next)
            pending += nodes[next]?.entries.sorted { $0.value < $1.value }.map(\.value) ?? []
        }
        return found
    }

    mutating func write(
        _ path: FilePath, from start: FakePosition, _ bytes: [UInt8], _ permissions: FilePermissions,
        replacing: Bool, _ call: FakeCall
    ) throws(HostError) {
        let slot = try slot(path, from: start, call)
        try requireWritable(slot.parent, call)
        guard let device = nodes[slot.parent.node]?.device else { throw call.failure(.noSuchFileOrDirectory) }
        // The new file is complete before the old one goes, so both need room, and that shows before the name does.
        try requireRoom(for: Int64(bytes.count), inodes: 1, in: slot.parent.node, call)
        if let existing = slot.node {
            guard replacing else { throw call.failure(.fileExists) }
            guard nodes[existing]?.kind != .directory else { throw call.failure(.isDirectory) }
            guard !isMountPoint(existing) else { throw call.failure(.resourceBusy) }
            unlink(slot.name, in: slot.parent.node)
        }
        let node = addNode(on: device, .file(bytes), permissions)
        own(node)
        link(node, as: slot.name, in: slot.parent.node)
        inheritProject(node, from: slot.parent.node)
        nodes[slot.parent.node]?.sync()
    }

    /// Creates a file whose content is durable and whose name is not.
    mutating func writeNew(
        _ path: FilePath, from start: FakePosition, _ bytes: [UInt8], _ permissions: FilePermissions, _ call: FakeCall
    ) throws(HostError) {
        let slot = try slot(path, from: start, call)
        if slot.node == nil { try requireRoom(for: Int64(bytes.count), inodes: 1, in: slot.parent.node, call) }
        _ = try create(slot, .file(bytes), permissions, call)
    }

    /// Writes as an application does: into the file that is there, or into a new one, without syncing.
    mutating func writeInPlace(_ path: FilePath, _ bytes: [UInt8]) throws(HostError) {
        let call = FakeCall(operation: .writeFile, path: path)
        let slot = try slot(path, call)
        let target =
            slot.node == nil
            ? FakePosition(
                mount: slot.parent.mount,
                node: try create(slot, .file(), FilePermissions(rawValue: 0o644), call))
            : try walk(path, call)
        try requireWritable(target, call)
        guard let node = nodes[target.node], node.kind == .regular else { throw call.failure(kind: .isDirectory) }
        let content = SparseBytes(bytes)
        try requireRoom(for: content.allocatedBytes - node.usedBytes, in: target.node, call)
        nodes[target.node]?.bytes = content
    }

    mutating func rename(
        from source: FilePath, to destination: FilePath, start: FakePosition, replacing: Bool, _ call: FakeCall
    ) throws(HostError) {
        let from = try slot(source, from: start, call)
        let to = try slot(destination, from: start, call)
        guard from.parent.mount == to.parent.mount else { throw call.failure(.improperLink) }
        try requireWritable(from.parent, call)
        guard let moved = from.node, let node = nodes[moved] else { throw call.failure(.noSuchFileOrDirectory) }
        if let replaced = to.node, let target = nodes[replaced] {
            guard replacing else { throw call.failure(.fileExists) }
            guard replaced != moved else { return }
            guard node.kind != .directory || target.kind == .directory else { throw call.failure(.notDirectory) }
            guard node.kind == .directory || target.kind != .directory else { throw call.failure(.isDirectory) }
            guard !isMountPoint(moved), !isMountPoint(replaced) else { throw call.failure(.resourceBusy) }
            guard target.entries.isEmpty else { throw call.failure(.directoryNotEmpty) }
        }
        guard !subtree(of: moved).contains(to.parent.node) else { throw call.failure(.invalidArgument) }
        let isSubvolume = nodes[moved]?.subvolume != nil
        guard isSubvolume || subvolumeRoot(of: from.parent.node) == subvolumeRoot(of: to.parent.node) else {
            throw call.failure(.improperLink)
        }
        if let target = nodes[to.parent.node], target.handsProjectOn, target.project != node.project {
            throw call.failure(.improperLink, detail: "the directory belongs to another project")
        }
        guard !isMountPoint(moved) else { throw call.failure(.resourceBusy) }
        unlink(to.name, in: to.parent.node)
        unlink(from.name, in: from.parent.node)
        link(moved, as: to.name, in: to.parent.node)
        nodes[to.parent.node]?.sync()
        nodes[from.parent.node]?.sync()
    }

    /// Makes a tree durable, without what is mounted in it.
    mutating func syncTree(_ id: NodeID) {
        for node in subtree(of: id) { nodes[node]?.sync() }
    }
}
