import CSIHost
import SystemPackage

extension FakeWorld {
    func hasSubvolumes(at position: FakePosition) -> Bool {
        nodes[position.node].flatMap { fileSystems[$0.device] }?.hasSubvolumes ?? false
    }

    /// The root of the subvolume that a node is in; nil where there are no subvolumes.
    func subvolumeRoot(of id: NodeID) -> NodeID? {
        var next: NodeID? = id
        while let id = next, let node = nodes[id] {
            if node.subvolume != nil { return id }
            next = node.places.first?.parent
        }
        return nil
    }

    /// The position of a path, which must be a subvolume.
    func requireSubvolume(
        _ path: FilePath, from start: FakePosition, _ call: FakeCall
    ) throws(HostError) -> FakePosition {
        let position = try walk(path, from: start, call)
        try requireDirectory(position, call)
        guard hasSubvolumes(at: position) else { throw SubvolumeRule.noSubvolumes(call.operation, at: call.path) }
        guard nodes[position.node]?.subvolume != nil else {
            throw SubvolumeRule.noSubvolume(call.operation, at: call.path)
        }
        return position
    }

    mutating func createSubvolume(
        _ path: FilePath, from start: FakePosition, _ permissions: FilePermissions, _ call: FakeCall
    ) throws(HostError) {
        let slot = try slot(path, from: start, call)
        guard hasSubvolumes(at: slot.parent) else { throw SubvolumeRule.noSubvolumes(call.operation, at: call.path) }
        let root = try create(slot, .directory(entries: [:], durable: [:]), permissions, call)
        let id = nextSequence()
        nodes[root]?.subvolume = Subvolume(id: id, isReadOnly: false)
    }

    mutating func createSnapshot(
        of source: FilePath, at destination: FilePath, from start: FakePosition, isReadOnly: Bool, _ call: FakeCall
    ) throws(HostError) {
        let source = try requireSubvolume(source, from: start, call)
        let slot = try slot(destination, from: start, call)
        guard hasSubvolumes(at: slot.parent) else { throw SubvolumeRule.noSubvolumes(call.operation, at: call.path) }
        guard nodes[slot.parent.node]?.device == nodes[source.node]?.device else { throw call.failure(.improperLink) }
        guard let original = nodes[source.node] else { throw call.failure(.noSuchFileOrDirectory) }
        let root = try create(slot, .directory(entries: [:], durable: [:]), original.permissions, call)
        copyContent(of: source.node, to: root)
        let id = nextSequence()
        nodes[root]?.subvolume = Subvolume(id: id, isReadOnly: isReadOnly)
        // The kernel writes out the source first, and the new name last.
        syncTree(root)
        syncTree(source.node)
        nodes[slot.parent.node]?.sync()
    }

    /// Copies what is in one directory into another, with shared blocks and without what is in subvolumes inside.
    private mutating func copyContent(of source: NodeID, to copy: NodeID) {
        var hardLinked: [NodeID: NodeID] = [:]
        var pending = [(source, copy)]
        while let (source, copy) = pending.popLast() {
            guard let original = nodes[source] else { continue }
            nodes[copy]?.takeAttributes(of: original)
            for (name, child) in original.entries.sorted(by: { $0.value < $1.value }) {
                guard let inner = nodes[child] else { continue }
                var content = inner.content
                if inner.kind == .directory { content = .directory(entries: [:], durable: [:]) }
                let made = hardLinked[child] ?? addNode(on: inner.device, content, inner.permissions)
                if inner.places.count > 1 { hardLinked[child] = made }
                nodes[made]?.takeAttributes(of: inner)
                nodes[made]?.sharedBytes = inner.bytes.allocatedBytes
                link(made, as: name, in: copy)
                if inner.kind == .directory, inner.subvolume == nil { pending.append((child, made)) }
            }
        }
    }
}
