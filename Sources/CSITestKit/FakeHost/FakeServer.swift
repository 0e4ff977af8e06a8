public import CSIHost
public import SystemPackage

/// An NFS server that a fake host can reach.
struct FakeServer: Sendable {
    /// The file systems that it exports, by their paths there.
    var exports: [FilePath: DeviceNumber] = [:]
    var state = FakeServerState.running
    /// The versions of the protocol that it serves.
    var versions: Set<String> = ["3", "4.0", "4.1", "4.2"]
}

/// What an NFS server of a fake host does.
public enum FakeServerState: Sendable, Hashable {
    /// It answers.
    case running
    /// It never answers: calls end with kind `timedOut`, as when a helper process was killed.
    case gone
    /// Nothing serves NFS there: new mounts end with kind `unreachable`, calls on those that exist with `timedOut`.
    case refusing
}

extension FakeHost {
    /// Adds an export to an NFS server, which is made if it is new: an empty file system, which the test sees at a directory
    /// of its own.
    ///
    /// - Parameters:
    ///   - export: the server and the path of the export.
    ///   - path: where the test, not the driver, sees what is in it.
    ///   - bytes: its size.
    ///   - squashesRoot: whether the server takes the driver for nobody, so that it can write only where everybody can and
    ///     can give nothing away.
    public func addExport(
        _ export: NFSLocation, at path: FilePath, bytes: Int64 = 64 << 30, squashesRoot: Bool = false
    ) {
        guard let device = addFileSystem(at: path, type: "xfs", source: "/dev/export", bytes: bytes) else { return }
        try? inspect { (state) throws(HostError) in
            state.world.servers[export.server, default: FakeServer()].exports[export.path] = device
            state.world.fileSystems[device]?.squashesRoot = squashesRoot
        }
    }

    /// Changes what a server does.
    public func setServer(_ server: String, _ newState: FakeServerState) {
        try? inspect { (state) throws(HostError) in
            state.world.servers[server]?.state = newState
            for device in state.world.servers[server]?.exports.values.map({ $0 }) ?? [] {
                state.world.fileSystems[device]?.failure = newState == .running ? nil : .timedOut
            }
        }
    }

    /// Says which versions of the protocol a server serves, such as `4.1`.
    public func setVersions(_ versions: Set<String>, ofServer server: String) {
        try? inspect { (state) throws(HostError) in state.world.servers[server]?.versions = versions }
    }

    /// Replaces an export by a new file system with the same content: what was opened or mounted before is stale.
    ///
    /// - Parameters:
    ///   - export: the server and the path of the export.
    ///   - path: where the test sees the new one.
    public func makeExportAnew(_ export: NFSLocation, at path: FilePath) {
        let old = try? inspect { (state) throws(HostError) in state.world.servers[export.server]?.exports[export.path] }
        addExport(export, at: path)
        try? inspect { (state) throws(HostError) in
            guard let old, let new = state.world.servers[export.server]?.exports[export.path] else { return }
            state.world.copyContent(of: old, to: new)
            state.world.fileSystems[old]?.failure = .stale
        }
    }
}

extension FakeWorld {
    /// Whom a server that squashes root takes the driver for.
    static let nobody: UInt32 = 65534

    /// Fails as a call does whose server does not answer or does not know the file any more.
    func requireAnswer(_ position: FakePosition, _ call: FakeCall) throws(HostError) {
        guard let node = nodes[position.node], let failure = fileSystems[node.device]?.failure else { return }
        throw call.failure(kind: failure, detail: "the server does not answer as it should")
    }

    /// Fails as a server does that takes the driver for nobody.
    func requireOwnership(_ call: FakeCall, of position: FakePosition, toGive: Bool) throws(HostError) {
        guard let node = nodes[position.node], fileSystems[node.device]?.squashesRoot == true else { return }
        guard !toGive, node.userID == Self.nobody else { throw call.failure(.notPermitted) }
    }

    /// Gives what is made on a server that squashes root to nobody.
    mutating func own(_ node: NodeID) {
        guard let device = nodes[node]?.device, fileSystems[device]?.squashesRoot == true else { return }
        nodes[node]?.userID = Self.nobody
        nodes[node]?.groupID = Self.nobody
    }

    /// The directory that a location means.
    func exported(
        _ location: NFSLocation, _ options: NFSMountOptions, _ call: FakeCall
    ) throws(HostError) -> (position: FakePosition, client: FakeClient) {
        guard let server = servers[location.server] else {
            throw call.failure(kind: .unreachable, detail: "the name \(location.server) cannot be resolved")
        }
        switch server.state {
        case .running: break
        case .gone: throw call.failure(kind: .timedOut, detail: "\(location.server) does not answer")
        case .refusing: throw call.failure(kind: .unreachable, detail: "nothing serves NFS there")
        }
        let wanted = options.version.map { $0 == "4" ? "4.0" : $0 }
        guard let version = wanted ?? server.versions.max(), server.versions.contains(version) else {
            throw call.failure(kind: .notSupported, detail: "the server does not serve NFS \(wanted ?? "at all")")
        }
        let candidates = server.exports.keys.filter { location.path.starts(with: $0) }
        guard let export = candidates.max(by: { $0.length < $1.length }), let device = server.exports[export],
            let view = mounts.first(where: { $0.device == device && $0.client == nil })
        else { throw call.failure(.noSuchFileOrDirectory) }
        var inside = location.path
        _ = inside.removePrefix(export)
        let top = FakePosition(mount: view.id, node: rootNode(of: device))
        let position = try walk(FilePath(root: nil, KnownPaths.names(of: inside)), from: top, call)
        try requireDirectory(position, call)
        do throws(InvalidNFSLocation) {
            let root = try NFSLocation(server: location.server, path: export)
            return (position, FakeClient(type: version == "3" ? "nfs" : "nfs4", export: root))
        } catch {
            throw call.failure(kind: .invalidPath, detail: error.description)
        }
    }

    mutating func mountExport(
        _ location: NFSLocation, at target: FilePath, _ options: NFSMountOptions, _ call: FakeCall
    ) throws(HostError) -> MountEntry {
        let place = try walk(target, call)
        try requireDirectory(place, call)
        let serverCall = FakeCall(operation: .mount, path: FilePath(location.description))
        let (position, client) = try exported(location, options, serverCall)
        guard let node = nodes[position.node] else { throw call.failure(.noSuchFileOrDirectory) }
        let mount = addMount(
            node.device, root: node.id, covering: place.node, in: place.mount, options: options.flags,
            isPermanent: false, client: client)
        guard let entry = mountTable().entries.first(where: { $0.mountID == mount.id }) else {
            throw call.failure(kind: .notVerified)
        }
        return entry
    }

    /// Copies everything of one file system into another, which is empty.
    fileprivate mutating func copyContent(of old: DeviceNumber, to new: DeviceNumber) {
        var pending = [(old: rootNode(of: old), new: rootNode(of: new))]
        while let (old, new) = pending.popLast() {
            guard let source = nodes[old], let device = nodes[new]?.device else { continue }
            nodes[new]?.takeAttributes(of: source)
            for (name, child) in source.entries {
                guard let original = nodes[child] else { continue }
                let isDirectory = original.kind == .directory
                let copy = addNode(
                    on: device, isDirectory ? .directory(entries: [:], durable: [:]) : original.content,
                    original.permissions)
                nodes[copy]?.takeAttributes(of: original)
                link(copy, as: name, in: new)
                if isDirectory { pending.append((child, copy)) }
            }
            nodes[new]?.sync()
        }
    }
}
