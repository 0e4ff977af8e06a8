import CSIHost
public import SystemPackage

/// What a file has beyond its content, and names that are not files, set up and looked at without effects.
extension FakeHost {
    /// Gives a file one more name.
    public func addHardLink(_ path: FilePath, to existing: FilePath) {
        try? inspect { (state) throws(HostError) in
            let call = FakeCall(operation: .createFile, path: path)
            let node = try state.world.walk(existing, allowLink: true, call).node
            let slot = try state.world.slot(path, call)
            guard slot.node == nil, state.world.nodes[node]?.kind != .directory else { return }
            state.world.link(node, as: slot.name, in: slot.parent.node)
            state.world.nodes[slot.parent.node]?.sync()
        }
    }

    /// Creates a FIFO.
    public func addFIFO(_ path: FilePath, permissions: FilePermissions = FilePermissions(rawValue: 0o644)) {
        try? inspect { (state) throws(HostError) in
            let call = FakeCall(operation: .createFile, path: path)
            let slot = try state.world.slot(path, call)
            _ = try state.world.create(slot, .fifo, permissions, call)
            state.world.nodes[slot.parent.node]?.sync()
        }
    }

    /// Sets an extended attribute of a file, or takes it away.
    public func setAttribute(_ name: String, of path: FilePath, to value: [UInt8]?) {
        change(path) { $0.attributes[name] = value }
    }

    /// An extended attribute of a file; nil when there is none.
    public func attribute(_ name: String, of path: FilePath) -> [UInt8]? {
        look(path) { (world, position) in world.nodes[position.node]?.attributes[name] }
    }

    /// What a symbolic link leads to; nil when it is none.
    public func target(ofLink path: FilePath) -> FilePath? {
        look(path) { (world, position) in
            guard case .symbolicLink(let target) = world.nodes[position.node]?.content else { return nil }
            return target
        }
    }

    /// Sets when a file's content was last changed, in seconds since 1970 (UTC).
    public func setModified(_ path: FilePath, to time: Int64) {
        change(path) { $0.modified = time }
    }

    /// Removes something with everything in it, durably, as another program does.
    public func anotherProgramRemoves(_ path: FilePath) {
        try? inspect { (state) throws(HostError) in
            let call = FakeCall(operation: .removeTree, path: path)
            try state.world.removeTree(path, from: state.world.top, call)
            let parent = try state.world.walk(path.removingLastComponent(), call)
            state.world.nodes[parent.node]?.sync()
        }
    }

    private func change(_ path: FilePath, _ body: (inout FakeNode) -> Void) {
        try? inspect { (state) throws(HostError) in
            let position = try state.world.walk(path, allowLink: true, FakeCall(operation: .metadata, path: path))
            guard var node = state.world.nodes[position.node] else { return }
            body(&node)
            state.world.nodes[position.node] = node
        }
    }
}
