import CSIHost
import SystemPackage

/// The files of a file system that nobody has mounted.
struct FakeTree: Sendable {
    let root: NodeID
    let nodes: [NodeID: FakeNode]

    /// Hashes a file, or a directory with everything below it.
    fileprivate func hash(_ id: NodeID, into hasher: inout Hasher) {
        guard let node = nodes[id] else { return }
        hasher.combine(node.kind)
        hasher.combine(node.permissions.rawValue)
        hasher.combine(node.userID)
        hasher.combine(node.groupID)
        hasher.combine(node.bytes)
        hasher.combine(node.modified)
        hasher.combine(node.attributes)
        if case .symbolicLink(let target) = node.content { hasher.combine(target) }
        for (name, child) in node.entries.sorted(by: { $0.key.string < $1.key.string }) {
            hasher.combine(name)
            hash(child, into: &hasher)
        }
    }
}

extension FakeWorld {
    /// A tree with nothing in it.
    mutating func keepEmptyTree() -> UInt64 {
        keep(FakeTree(root: 0, nodes: [:]))
    }

    /// Keeps the files of a mounted file system as they are now, all durable.
    mutating func keepTree(of fileSystem: FakeFileSystem) -> UInt64 {
        var nodes: [NodeID: FakeNode] = [:]
        for var node in linkedNodes(on: fileSystem.device) {
            node.sync()
            nodes[node.id] = node
        }
        return keep(FakeTree(root: fileSystem.root, nodes: nodes))
    }

    /// Keeps a tree under a number that follows from what is in it: equal trees make equal devices, whatever happened before.
    private mutating func keep(_ tree: FakeTree) -> UInt64 {
        var hasher = Hasher()
        tree.hash(tree.root, into: &hasher)
        let number = UInt64(bitPattern: Int64(hasher.finalize()))
        trees[number] = tree
        return number
    }

    /// Brings a kept tree to life as the files of a file system, whose root is there already.
    mutating func revive(_ tree: FakeTree, on device: DeviceNumber, root: NodeID) {
        guard let oldRoot = tree.nodes[tree.root] else { return }
        nodes[root]?.takeAttributes(of: oldRoot)
        var hardLinked: [NodeID: NodeID] = [:]
        var pending = [(old: tree.root, new: root)]
        while let (old, new) = pending.popLast() {
            for (name, child) in tree.nodes[old]?.entries ?? [:] {
                guard let source = tree.nodes[child] else { continue }
                var content = source.content
                if source.kind == .directory { content = .directory(entries: [:], durable: [:]) }
                let copy = hardLinked[child] ?? addNode(on: device, content, source.permissions)
                if source.places.count > 1 { hardLinked[child] = copy }
                nodes[copy]?.takeAttributes(of: source)
                link(copy, as: name, in: new)
                pending.append((child, copy))
            }
            nodes[new]?.sync()
        }
    }
}
