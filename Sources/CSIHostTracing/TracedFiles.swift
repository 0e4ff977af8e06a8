import CSIHost
import SystemPackage

/// Files with a span around each operation.
struct TracedFiles: FileStore {
    let base: any FileStore
    let tracing: HostTracing

    func openDirectory(_ path: FilePath) async throws(HostError) -> any DirectoryTree {
        try await tracing.span(.openDirectory, path) { () async throws(HostError) in
            TracedDirectoryTree(base: try await base.openDirectory(path), tracing: tracing)
        }
    }

    func canonicalPath(of path: FilePath) async throws(HostError) -> FilePath {
        try await tracing.span(.canonicalPath, path) { () async throws(HostError) in
            try await base.canonicalPath(of: path)
        }
    }

    func metadata(of path: FilePath) async throws(HostError) -> FileMetadata? {
        try await tracing.span(.metadata, path) { () async throws(HostError) in try await base.metadata(of: path) }
    }

    func createMountPoint(
        _ path: FilePath, kind: FileKind, permissions: FilePermissions
    ) async throws(HostError) -> Bool {
        try await tracing.span(.createMountPoint, path) { () async throws(HostError) in
            try await base.createMountPoint(path, kind: kind, permissions: permissions)
        }
    }

    func removeMountPoint(_ path: FilePath) async throws(HostError) -> Bool {
        try await tracing.span(.removeMountPoint, path) { () async throws(HostError) in
            try await base.removeMountPoint(path)
        }
    }

    func capacity(of path: FilePath) async throws(HostError) -> FileSystemCapacity {
        try await tracing.span(.capacity, path) { () async throws(HostError) in try await base.capacity(of: path) }
    }

    func uniqueName(prefix: String) -> String { base.uniqueName(prefix: prefix) }
}
