import CSIHost
import SystemPackage

/// The files of a fake host by absolute path.
struct FakeFiles: FileStore {
    let host: FakeHost

    func openDirectory(_ path: FilePath) async throws(HostError) -> any DirectoryTree {
        let path = try PathRule.absolute(path, .openDirectory)
        let call = FakeCall(operation: .openDirectory, path: path)
        let position = try await host.perform(call) { (world) throws(HostError) -> FakePosition in
            let position = try world.walk(path, call)
            try world.requireDirectory(position, call)
            return position
        }
        return FakeDirectoryTree(host: host, position: position, path: path)
    }

    func canonicalPath(of path: FilePath) async throws(HostError) -> FilePath {
        let call = FakeCall(operation: .canonicalPath, path: path)
        guard path.isAbsolute else { throw call.failure(kind: .invalidPath, detail: "the path must be absolute") }
        return try await host.perform(call) { (world) throws(HostError) in try world.canonical(path, call) }
    }

    func metadata(of path: FilePath) async throws(HostError) -> FileMetadata? {
        let path = try PathRule.absolute(path, .metadata)
        let call = FakeCall(operation: .metadata, path: path)
        return try await host.perform(call) { (world) throws(HostError) in
            try world.metadata(of: path, from: nil, call)
        }
    }

    func createMountPoint(
        _ path: FilePath, kind: FileKind, permissions: FilePermissions
    ) async throws(HostError) -> Bool {
        let path = try PathRule.absoluteBelowRoot(path, .createMountPoint)
        let call = FakeCall(operation: .createMountPoint, path: path)
        return try await host.perform(call) { (world) throws(HostError) in
            try world.createMountPoint(path, kind: kind, permissions)
        }
    }

    func removeMountPoint(_ path: FilePath) async throws(HostError) -> Bool {
        let path = try PathRule.absoluteBelowRoot(path, .removeMountPoint)
        let call = FakeCall(operation: .removeMountPoint, path: path)
        return try await host.perform(call) { (world) throws(HostError) in try world.removeMountPoint(path) }
    }

    func capacity(of path: FilePath) async throws(HostError) -> FileSystemCapacity {
        let path = try PathRule.absolute(path, .capacity)
        let call = FakeCall(operation: .capacity, path: path)
        return try await host.perform(call) { (world) throws(HostError) in
            try world.capacity(at: world.walk(path, call), call)
        }
    }

    func uniqueName(prefix: String) -> String {
        (try? host.inspect { (state) throws(HostError) in state.world.nextName(prefix: prefix) }) ?? prefix
    }
}

extension FakeWorld {
    func metadata(
        of path: FilePath, from start: FakePosition?, _ call: FakeCall
    ) throws(HostError) -> FileMetadata? {
        do throws(HostError) {
            return nodes[try walk(path, from: start, allowLink: true, call).node]?.metadata
        } catch  where error.kind == .notFound {
            return nil
        }
    }

    func capacity(at position: FakePosition, _ call: FakeCall) throws(HostError) -> FileSystemCapacity {
        try requireAnswer(position, call)
        guard let node = nodes[position.node] else { throw call.failure(.noSuchFileOrDirectory) }
        return projectCapacity(of: position.node, within: capacity(of: node.device))
    }
}
