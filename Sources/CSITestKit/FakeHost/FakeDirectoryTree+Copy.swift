import CSIHost
import SystemPackage

extension FakeDirectoryTree {
    func copyTree(
        from source: any DirectoryTree, to destination: FilePath, options: TreeCopyOptions
    ) async throws(HostError) -> TreeCopyProgress {
        let (destination, call) = try place(destination, .copyTree)
        guard let source = source as? FakeDirectoryTree, source.host === host else {
            throw TreeCopyRule.foreignTree(source)
        }
        if Task.isCancelled { throw call.failure(kind: .cancelled) }
        let (position, original, sharing) = (position, source.position, options.sharing)
        let sourceCall = FakeCall(operation: .copyTree, path: source.path)
        let progress = try await host.perform(
            sourceCall, to: call.path, by: process,
            interrupted: { world in
                let count = world.subtree(of: original.node).count / 2
                _ = try? world.copyTree(original, to: destination, from: position, sharing, atMost: count, call)
            },
            { (world) throws(HostError) in
                try world.copyTree(original, to: destination, from: position, sharing, atMost: .max, call)
            })
        options.progress?(progress)
        return progress
    }
}

extension FakeWorld {
    /// Copies a directory with everything below it to a free name or into an empty directory.
    ///
    /// - Parameter limit: after how many entries it is interrupted, which leaves nothing durable.
    mutating func copyTree(
        _ source: FakePosition, to destination: FilePath, from start: FakePosition,
        _ sharing: CopyOptions.Sharing, atMost limit: Int, _ call: FakeCall
    ) throws(HostError) -> TreeCopyProgress {
        let slot = try slot(destination, from: start, call)
        let top = try emptyDirectory(slot, call)
        let originals = subtree(of: source.node)
        if originals.contains(slot.parent.node) {
            throw call.failure(kind: .invalidArgument, detail: "the copy lies in what is to be copied")
        }
        if originals.dropFirst().contains(where: isMountPoint) {
            throw call.failure(.improperLink, detail: "something is mounted in the tree")
        }
        var progress = TreeCopyProgress()
        var copies = [source.node: top]
        for id in originals.prefix(limit) {
            guard let node = nodes[id] else { continue }
            if copies[id] == nil { copies[id] = try copyNode(node, to: top, sharing, &progress, call) }
            progress.entries += 1
            for place in node.places {
                guard let copy = copies[id], let parent = copies[place.parent], id != source.node else { continue }
                if nodes[parent]?.entries[place.name] == nil { link(copy, as: place.name, in: parent) }
            }
        }
        for (id, copy) in copies {
            guard let node = nodes[id] else { continue }
            nodes[copy]?.takeAttributes(of: node)
            // A file with several names was copied before the directory of its last one.
            for (name, child) in node.entries where nodes[copy]?.entries[name] == nil {
                if let child = copies[child] { link(child, as: name, in: copy) }
            }
        }
        if limit == .max { syncTree(top) }
        return progress
    }

    /// The directory in a place, made if nothing is there.
    private mutating func emptyDirectory(_ slot: Slot, _ call: FakeCall) throws(HostError) -> NodeID {
        guard let existing = slot.node else {
            return try create(slot, .directory(entries: [:], durable: [:]), [.ownerReadWriteExecute], call)
        }
        let position = onTop(FakePosition(mount: slot.parent.mount, node: existing))
        guard nodes[position.node]?.kind == .directory else { throw call.failure(.fileExists) }
        guard nodes[position.node]?.entries.isEmpty == true else { throw call.failure(.directoryNotEmpty) }
        try requireWritable(position, call)
        return position.node
    }

    /// Makes the copy of one node, without a name.
    private mutating func copyNode(
        _ node: FakeNode, to top: NodeID, _ sharing: CopyOptions.Sharing,
        _ progress: inout TreeCopyProgress, _ call: FakeCall
    ) throws(HostError) -> NodeID {
        guard let device = nodes[top]?.device else { throw call.failure(.noSuchFileOrDirectory) }
        switch node.content {
        case .directory, .symbolicLink, .device, .fifo:
            try requireRoom(for: 0, inodes: 1, in: top, call)
            var content = node.content
            if node.kind == .directory { content = .directory(entries: [:], durable: [:]) }
            let copy = addNode(on: device, content, node.permissions)
            inheritProject(copy, from: top)
            return copy
        case .file(let bytes, _):
            let shares = sharing != .never && device == node.device && fileSystems[device]?.canShare == true
            if sharing == .required, !shares { throw ImageRule.cannotShare(call.path).during(.copyTree) }
            let content = shares ? bytes : bytes.copiedWithHoles
            try requireRoom(for: shares ? 0 : content.allocatedBytes, inodes: 1, in: top, call)
            let copy = addNode(on: device, .file(bytes: content, durable: SparseBytes()), node.permissions)
            inheritProject(copy, from: top)
            if shares {
                nodes[copy]?.sharedBytes = content.allocatedBytes
                progress.sharedBytes += content.count
            } else {
                progress.copiedBytes += min(content.count, content.dataBytes)
            }
            return copy
        }
    }
}
