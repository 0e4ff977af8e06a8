import CSIHost
import CSILock
import SystemPackage

/// A directory of a fake host, held open: it keeps its mount busy until the last reference goes.
final class FakeDirectoryTree: DirectoryTree {
    let path: FilePath
    let host: FakeHost
    let position: FakePosition
    let process: Int

    init(host: FakeHost, position: FakePosition, path: FilePath) {
        self.host = host
        self.position = position
        self.path = path
        process =
            (try? host.inspect { (state) throws(HostError) in
                state.world.openHandles[position.mount, default: 0] += 1
                return state.process
            }) ?? 0
    }

    deinit {
        try? host.inspect { [process, position] (state) throws(HostError) in
            guard state.process == process else { return }
            state.world.closeHandle(on: position.mount)
        }
    }

    /// The checked relative path and the call that names its whole path.
    func place(
        _ relative: FilePath, allowEmpty: Bool = false, _ operation: HostOperation
    ) throws(HostError) -> (path: FilePath, call: FakeCall) {
        let relative = try PathRule.relative(relative, beneath: path, allowEmpty: allowEmpty, operation)
        return (relative, FakeCall(operation: operation, path: KnownPaths.path(path, with: relative)))
    }

    func openDirectory(_ path: FilePath) async throws(HostError) -> any DirectoryTree {
        let (path, call) = try place(path, allowEmpty: true, .openDirectory)
        let below = try await host.perform(call, by: process) { [position] (world) throws(HostError) -> FakePosition in
            let below = try world.walk(path, from: position, call)
            try world.requireDirectory(below, call)
            return below
        }
        return FakeDirectoryTree(host: host, position: below, path: call.path)
    }

    func createDirectory(_ path: FilePath, permissions: FilePermissions) async throws(HostError) {
        let (path, call) = try place(path, .createDirectory)
        try await host.perform(call, by: process) { [position] (world) throws(HostError) in
            let slot = try world.slot(path, from: position, call)
            _ = try world.create(slot, .directory(entries: [:], durable: [:]), permissions, call)
        }
    }

    func metadata(of path: FilePath) async throws(HostError) -> FileMetadata? {
        let (path, call) = try place(path, allowEmpty: true, .metadata)
        return try await host.perform(call, by: process) { [position] (world) throws(HostError) in
            try world.metadata(of: path, from: position, call)
        }
    }

    func metadata(
        of child: String, inEachOf parents: [String], in path: FilePath
    ) async throws(HostError) -> [Result<FileMetadata?, HostError>] {
        let (path, call) = try place(path, allowEmpty: true, .metadata)
        return try await host.perform(call, by: process) { [position] (world) throws(HostError) in
            let directory = try world.walk(path, from: position, call)
            try world.requireDirectory(directory, call)
            try PathRule.name(child, at: call.path, .metadata)
            var answers: [Result<FileMetadata?, HostError>] = []
            for parent in parents {
                try PathRule.name(parent, at: call.path, .metadata)
                do throws(HostError) {
                    answers.append(
                        .success(try world.metadata(of: FilePath(parent).appending(child), from: directory, call)))
                } catch {
                    answers.append(error.kind == .notDirectory ? .success(nil) : .failure(error))
                }
            }
            return answers
        }
    }

    func list(_ path: FilePath, limit: Int) async throws(HostError) -> [DirectoryEntry] {
        let (path, call) = try place(path, allowEmpty: true, .list)
        return try await host.perform(call, by: process) { [position] (world) throws(HostError) in
            let directory = try world.walk(path, from: position, call)
            try world.requireDirectory(directory, call)
            let entries = world.nodes[directory.node]?.entries ?? [:]
            guard entries.count <= limit else {
                throw call.failure(kind: .tooLarge, detail: "it has more than the \(limit) entries that are accepted")
            }
            return entries.map { (name, node) in
                DirectoryEntry(name: name, kind: world.nodes[node]?.kind ?? .special)
            }.sortedByName()
        }
    }

    func readFile(_ path: FilePath, limit: Int) async throws(HostError) -> [UInt8] {
        let (path, call) = try place(path, .readFile)
        return try await host.perform(call, by: process) { [position] (world) throws(HostError) in
            let file = try world.walk(path, from: position, call)
            guard let node = world.nodes[file.node] else { throw call.failure(.noSuchFileOrDirectory) }
            guard node.kind != .directory else { throw call.failure(kind: .isDirectory) }
            guard node.kind == .regular else { throw call.failure(kind: .wrongType) }
            guard node.bytes.count <= Int64(limit) else {
                throw call.failure(kind: .tooLarge, detail: "it has \(node.bytes.count) bytes, accepted are \(limit)")
            }
            return node.bytes.bytes
        }
    }

    func writeFileDurably(
        _ path: FilePath, _ bytes: [UInt8], permissions: FilePermissions, replacing: Bool
    ) async throws(HostError) {
        let (path, call) = try place(path, .writeFile)
        let position = position
        try await host.perform(
            call, by: process,
            interrupted: { world in
                let stray = path.removingLastComponent().appending(world.nextName(prefix: ".new-"))
                try? world.write(stray, from: position, bytes, [.ownerReadWrite], replacing: false, call)
            },
            { (world) throws(HostError) in
                try world.write(path, from: position, bytes, permissions, replacing: replacing, call)
            })
    }

    func renameDurably(
        from source: FilePath, to destination: FilePath, replacing: Bool
    ) async throws(HostError) {
        let (source, call) = try place(source, .rename)
        let (destination, destinationCall) = try place(destination, .rename)
        try await host.perform(call, to: destinationCall.path, by: process) { [position] (world) throws(HostError) in
            try world.rename(from: source, to: destination, start: position, replacing: replacing, call)
        }
    }

    func syncDirectory(_ path: FilePath) async throws(HostError) {
        let (path, call) = try place(path, allowEmpty: true, .syncDirectory)
        try await host.perform(call, by: process) { [position] (world) throws(HostError) in
            let directory = try world.walk(path, from: position, call)
            try world.requireDirectory(directory, call)
            world.nodes[directory.node]?.sync()
        }
    }

    func syncTree(_ path: FilePath) async throws(HostError) {
        let (path, call) = try place(path, allowEmpty: true, .syncTree)
        try await host.perform(call, by: process) { [position] (world) throws(HostError) in
            let directory = try world.walk(path, from: position, call)
            try world.requireDirectory(directory, call)
            world.syncTree(directory.node)
        }
    }

    func removeFile(_ path: FilePath) async throws(HostError) -> Bool {
        let (path, call) = try place(path, .removeFile)
        return try await host.perform(call, by: process) { [position] (world) throws(HostError) in
            try world.remove(path, from: position, directory: false, call)
        }
    }

    func removeDirectory(_ path: FilePath) async throws(HostError) -> Bool {
        let (path, call) = try place(path, .removeDirectory)
        return try await host.perform(call, by: process) { [position] (world) throws(HostError) in
            try world.remove(path, from: position, directory: true, call)
        }
    }

    func removeTree(_ path: FilePath) async throws(HostError) {
        let (path, call) = try place(path, .removeTree)
        let position = position
        try await host.perform(
            call, by: process,
            interrupted: { $0.removeHalf(of: path, from: position, call) },
            { (world) throws(HostError) in try world.removeTree(path, from: position, call) })
    }

    func setPermissions(_ path: FilePath, _ permissions: FilePermissions) async throws(HostError) {
        let (path, call) = try place(path, allowEmpty: true, .setPermissions)
        try await host.perform(call, by: process) { [position] (world) throws(HostError) in
            let file = try world.walk(path, from: position, call)
            try world.requireWritable(file, call)
            world.nodes[file.node]?.permissions = permissions
        }
    }

    func setOwner(_ path: FilePath, userID: UInt32?, groupID: UInt32?) async throws(HostError) {
        let (path, call) = try place(path, allowEmpty: true, .setOwner)
        try await host.perform(call, by: process) { [position] (world) throws(HostError) in
            let file = try world.walk(path, from: position, allowLink: true, call)
            try world.requireWritable(file, call)
            try world.requireOwnership(call, of: file, toGive: true)
            if let userID { world.nodes[file.node]?.userID = userID }
            if let groupID { world.nodes[file.node]?.groupID = groupID }
        }
    }

    func lock(_ path: FilePath) async throws(HostError) -> any HeldLock {
        let (path, call) = try place(path, .lock)
        let node = try await host.perform(call, by: process) { [position] (world) throws(HostError) -> NodeID in
            let slot = try world.slot(path, from: position, call)
            let node: NodeID
            if let existing = slot.node {
                node = try world.walk(path, from: position, call).node
                guard world.nodes[existing]?.kind != .directory else { throw call.failure(.isDirectory) }
            } else {
                node = try world.create(slot, .file(), [.ownerReadWrite], call)
            }
            guard !world.isLockedByLoop(node), world.locks.insert(node).inserted else {
                throw call.failure(kind: .lockHeld)
            }
            return node
        }
        return FakeLock(host: host, node: node, process: process)
    }

    func capacity() async throws(HostError) -> FileSystemCapacity {
        let call = FakeCall(operation: .capacity, path: path)
        return try await host.perform(call, by: process) { [position] (world) throws(HostError) in
            try world.capacity(at: position, call)
        }
    }
}

/// A lock on a file of a fake host.
final class FakeLock: HeldLock {
    private let host: FakeHost
    private let node: NodeID
    private let process: Int
    private let isHeld = Guarded(true)

    init(host: FakeHost, node: NodeID, process: Int) {
        self.host = host
        self.node = node
        self.process = process
    }

    func release() {
        // Once: afterwards the lock can be another holder's.
        let wasHeld = isHeld.withLock { held in
            defer { held = false }
            return held
        }
        guard wasHeld else { return }
        try? host.inspect { [process, node] (state) throws(HostError) in
            guard state.process == process else { return }
            state.world.locks.remove(node)
        }
    }

    deinit {
        release()
    }
}

extension FakeWorld {
    /// Notes that a tree has been closed; a detached mount goes with the last one.
    fileprivate mutating func closeHandle(on mount: Int) {
        let left = openHandles[mount, default: 1] - 1
        openHandles[mount] = left > 0 ? left : nil
        guard left <= 0 else { return }
        mounts.removeAll { $0.id == mount && !$0.isAttached }
        releaseUnmountedFileSystems()
    }
}
