import CSIHost
import SystemPackage

extension FakeWorld {
    /// The place where an absolute path starts.
    var top: FakePosition {
        guard let first = mounts.first(where: { $0.isAttached && $0.covered == nil }) else {
            return FakePosition(mount: 0, node: 0)
        }
        return onTop(FakePosition(mount: first.id, node: first.root))
    }

    /// The same place, or the root of what is mounted on it.
    func onTop(_ position: FakePosition) -> FakePosition {
        var position = position
        while let mount = mounts.last(where: {
            $0.isAttached && $0.parentID == position.mount && $0.covered == position.node
        }) {
            position = FakePosition(mount: mount.id, node: mount.root)
        }
        return position
    }

    /// Walks a path without following links, as the kernel does for openat2 with RESOLVE_NO_SYMLINKS.
    ///
    /// - Parameter allowLink: whether the last component may be a link, which is then the result itself.
    func walk(
        _ path: FilePath, from start: FakePosition? = nil, allowLink: Bool = false, _ call: FakeCall
    ) throws(HostError) -> FakePosition {
        guard path.length < 4096 else { throw call.failure(.fileNameTooLong) }
        return try walk(KnownPaths.names(of: path), from: start, allowLink: allowLink, call)
    }

    private func walk(
        _ names: [FilePath.Component], from start: FakePosition?, allowLink: Bool = false, _ call: FakeCall
    ) throws(HostError) -> FakePosition {
        var position = start ?? top
        try requireAnswer(position, call)
        for (index, name) in names.enumerated() {
            try requireDirectory(position, call)
            position = try step(name, from: position, call)
            if nodes[position.node]?.kind == .symbolicLink, !(allowLink && index == names.count - 1) {
                throw call.failure(.tooManySymbolicLinkLevels, detail: "\"\(name)\" is a symbolic link")
            }
        }
        return position
    }

    /// Goes from a directory to one of its names, and onto what is mounted there.
    func step(
        _ name: FilePath.Component, from position: FakePosition, _ call: FakeCall
    ) throws(HostError) -> FakePosition {
        guard name.bytes.count <= 255 else { throw call.failure(.fileNameTooLong) }
        guard let child = nodes[position.node]?.entries[name] else { throw call.failure(.noSuchFileOrDirectory) }
        let next = onTop(FakePosition(mount: position.mount, node: child))
        try requireAnswer(next, call)
        if let damage = nodes[next.node]?.damage { throw call.failure(kind: damage, detail: "\"\(name)\" is damaged") }
        return next
    }

    /// A directory and a name in it that may be free.
    struct Slot {
        let parent: FakePosition
        let name: FilePath.Component
        /// What has the name now, underneath any mount.
        let node: NodeID?
    }

    /// Walks to the directory that holds the last component of a path.
    func slot(
        _ path: FilePath, from start: FakePosition? = nil, _ call: FakeCall
    ) throws(HostError) -> Slot {
        var names = KnownPaths.names(of: path)
        guard let name = names.popLast() else { throw call.failure(kind: .invalidPath) }
        guard path.length < 4096 else { throw call.failure(.fileNameTooLong) }
        let parent = try walk(names, from: start, call)
        try requireDirectory(parent, call)
        guard name.bytes.count <= 255 else { throw call.failure(.fileNameTooLong) }
        return Slot(parent: parent, name: name, node: nodes[parent.node]?.entries[name])
    }

    func requireDirectory(_ position: FakePosition, _ call: FakeCall) throws(HostError) {
        guard nodes[position.node]?.kind == .directory else { throw call.failure(.notDirectory) }
    }

    func requireWritable(_ position: FakePosition, _ call: FakeCall) throws(HostError) {
        try requireWritableMount(position, call)
        if let root = subvolumeRoot(of: position.node), nodes[root]?.subvolume?.isReadOnly == true {
            throw call.failure(.readOnlyFileSystem)
        }
    }

    func requireWritableMount(_ position: FakePosition, _ call: FakeCall) throws(HostError) {
        guard let mount = mount(position.mount) else { throw call.failure(.staleNFSFileHandle) }
        if mount.options.contains(.readOnly) || fileSystems[mount.device]?.isReadOnly == true {
            throw call.failure(.readOnlyFileSystem)
        }
        if fileSystems[mount.device]?.squashesRoot == true, let node = nodes[position.node],
            node.userID != Self.nobody, !node.permissions.contains(.otherWrite)
        {
            throw call.failure(.permissionDenied)
        }
        // A real writer waits here; a model that waits would never end.
        if fileSystems[mount.device]?.frozenUntil != nil {
            throw call.failure(kind: .busy, detail: "the file system is frozen")
        }
    }

    /// Follows links to the path that an operator's path means.
    func canonical(_ path: FilePath, _ call: FakeCall) throws(HostError) -> FilePath {
        var done: FilePath = "/"
        var rest = Array(KnownPaths.names(of: path).reversed())
        var links = 0
        while let name = rest.popLast() {
            switch name.kind {
            case .currentDirectory: continue
            case .parentDirectory:
                done.removeLastComponent()
                continue
            case .regular: break
            }
            let here = try walk(done, call)
            try requireDirectory(here, call)
            let next = try step(name, from: here, call)
            guard case .symbolicLink(let target) = nodes[next.node]?.content else {
                done.append(name)
                continue
            }
            links += 1
            guard links <= 40 else { throw call.failure(.tooManySymbolicLinkLevels) }
            if target.isAbsolute { done = "/" }
            rest += KnownPaths.names(of: target).reversed()
        }
        return done
    }
}
