import CSIHost
import SystemPackage

extension FakeWorld {
    /// The table that the kernel would show.
    func mountTable() -> MountTable {
        MountTable(entries: mounts.filter(\.isAttached).compactMap(entry))
    }

    private func entry(_ mount: FakeMount) -> MountEntry? {
        guard let mountPoint = mountPoint(of: mount), let fileSystem = fileSystems[mount.device] else { return nil }
        let root = pathInFileSystem(mount.root)
        let source = mount.client.map { client in
            client.export.appending(FilePath(root: nil, KnownPaths.names(of: root ?? "/"))).description
        }
        return MountEntry(
            mountID: mount.id, parentID: mount.parentID, device: mount.device, root: root ?? "/",
            isRootDeleted: root == nil, mountPoint: KnownPaths.path(of: mountPoint),
            filesystemType: mount.client?.type ?? fileSystem.type,
            source: source ?? fileSystem.source,
            mountOptions: mount.options.mountTableWords,
            superOptions: [fileSystem.isReadOnly ? "ro" : "rw"] + fileSystem.options, peerGroup: mount.peerGroup,
            masterGroup: mount.masterGroup)
    }

    /// Where a mount is, which changes when directories above it are renamed.
    private func mountPoint(of mount: FakeMount) -> PathBytes? {
        let top = PathBytes([0x2f])
        guard let covered = mount.covered else { return top }
        guard let parent = self.mount(mount.parentID), let base = mountPoint(of: parent),
            let inside = bytesInFileSystem(covered), let root = bytesInFileSystem(parent.root),
            inside.isAtOrBelow(root)
        else { return nil }
        // What is left begins with a slash, or is nothing.
        let rest = inside == root ? [] : inside.bytes.dropFirst(root == top ? 0 : root.bytes.count)
        return base == top && !rest.isEmpty ? PathBytes(Array(rest)) : PathBytes(base.bytes + rest)
    }

    mutating func bind(
        _ source: FilePath, at target: FilePath, options: BindOptions
    ) throws(HostError) -> MountEntry {
        let call = FakeCall(operation: .bindMount, path: target)
        let origin = try walk(source, FakeCall(operation: .bindMount, path: source))
        let place = try walk(target, call)
        guard let above = mount(origin.mount), let node = nodes[origin.node], let covered = nodes[place.node] else {
            throw call.failure(.staleNFSFileHandle)
        }
        guard (node.kind == .directory) == (covered.kind == .directory) else {
            throw call.failure(kind: .wrongType, detail: "\(source) and the target are not of the same sort")
        }
        var inherited = above.options
        if !options.isDisjoint(with: [.noAccessTime, .strictAccessTime]) {
            inherited.subtract([.noAccessTime, .strictAccessTime])
        }
        let mount = addMount(
            above.device, root: node.id, covering: covered.id, in: place.mount, options: inherited.union(options),
            isPermanent: false, client: above.client)
        guard let entry = entry(mount) else { throw call.failure(kind: .notVerified) }
        return entry
    }

    mutating func unmount(_ target: FilePath, policy: UnmountPolicy) throws(HostError) -> UnmountOutcome {
        let call = FakeCall(operation: .unmount, path: target)
        var outcome = UnmountOutcome(removed: 0, detached: false)
        while let top = mountTable().topmost(at: target) {
            let hasChildren = mounts.contains { $0.isAttached && $0.parentID == top.mountID }
            if hasChildren || openHandles[top.mountID, default: 0] > 0 {
                guard policy.whenBusy == .detach else {
                    throw call.failure(.resourceBusy, detail: "processes, or mounts below it, still use it")
                }
                outcome.detached = true
            }
            detach(top.mountID)
            outcome.removed += 1
        }
        if outcome.removed == 0 { try refuseLinks(to: target, call) }
        releaseUnmountedFileSystems()
        return outcome
    }

    /// What an unmount does that has not returned at its deadline.
    mutating func unmountHung(_ target: FilePath, policy: UnmountPolicy) throws(HostError) -> UnmountOutcome {
        guard policy.whenHung == .detach else {
            let call = FakeCall(operation: .unmount, path: target)
            throw call.failure(kind: .timedOut, detail: "unmounting did not return within \(policy.deadline)")
        }
        var outcome = UnmountOutcome(removed: 0, detached: false)
        while let top = mountTable().topmost(at: target) {
            detach(top.mountID)
            outcome = UnmountOutcome(removed: outcome.removed + 1, detached: true)
        }
        releaseUnmountedFileSystems()
        return outcome
    }

    /// Takes a mount and everything mounted below it out of the namespace.
    mutating func detach(_ id: Int) {
        for child in mounts where child.isAttached && child.parentID == id { detach(child.id) }
        guard let index = mounts.firstIndex(where: { $0.id == id }) else { return }
        mounts[index].isAttached = false
        if openHandles[id, default: 0] == 0 { mounts.remove(at: index) }
    }

    private func refuseLinks(to target: FilePath, _ call: FakeCall) throws(HostError) {
        do throws(HostError) {
            _ = try walk(target.removingLastComponent(), call)
        } catch  where error.kind == .symbolicLink {
            throw error
        } catch {
            // No such directory, so no mount either.
        }
    }
}

extension BindOptions {
    /// The words that the kernel's table shows for these options.
    fileprivate var mountTableWords: [String] {
        let atime = contains(.noAccessTime) ? ["noatime"] : contains(.strictAccessTime) ? [] : ["relatime"]
        let rest = subtracting([.readOnly, .noAccessTime, .strictAccessTime]).mountFlags
        return [contains(.readOnly) ? "ro" : "rw"] + rest + atime
    }
}
