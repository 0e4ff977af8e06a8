import CSIHost
import SystemPackage

/// A directory with a span around each operation.
final class TracedDirectoryTree: DirectoryTree {
    let base: any DirectoryTree
    let tracing: HostTracing

    init(base: any DirectoryTree, tracing: HostTracing) {
        self.base = base
        self.tracing = tracing
    }

    var path: FilePath { base.path }

    func openDirectory(_ path: FilePath) async throws(HostError) -> any DirectoryTree {
        try await span(.openDirectory, path) { () async throws(HostError) in
            TracedDirectoryTree(base: try await base.openDirectory(path), tracing: tracing)
        }
    }

    func createDirectory(_ path: FilePath, permissions: FilePermissions) async throws(HostError) {
        try await span(.createDirectory, path) { () async throws(HostError) in
            try await base.createDirectory(path, permissions: permissions)
        }
    }

    func metadata(of path: FilePath) async throws(HostError) -> FileMetadata? {
        try await span(.metadata, path) { () async throws(HostError) in try await base.metadata(of: path) }
    }

    func metadata(
        of child: String, inEachOf parents: [String], in path: FilePath
    ) async throws(HostError) -> [Result<FileMetadata?, HostError>] {
        try await span(.metadata, path) { () async throws(HostError) in
            try await base.metadata(of: child, inEachOf: parents, in: path)
        }
    }

    func list(_ path: FilePath, limit: Int) async throws(HostError) -> [DirectoryEntry] {
        try await span(.list, path) { () async throws(HostError) in try await base.list(path, limit: limit) }
    }

    func readFile(_ path: FilePath, limit: Int) async throws(HostError) -> [UInt8] {
        try await span(.readFile, path) { () async throws(HostError) in try await base.readFile(path, limit: limit) }
    }

    func writeFileDurably(
        _ path: FilePath, _ bytes: [UInt8], permissions: FilePermissions, replacing: Bool
    ) async throws(HostError) {
        try await span(.writeFile, path) { () async throws(HostError) in
            try await base.writeFileDurably(path, bytes, permissions: permissions, replacing: replacing)
        }
    }

    func writeNewFile(_ path: FilePath, _ bytes: [UInt8], permissions: FilePermissions) async throws(HostError) {
        try await span(.createFile, path) { () async throws(HostError) in
            try await base.writeNewFile(path, bytes, permissions: permissions)
        }
    }

    func renameDurably(
        from source: FilePath, to destination: FilePath, replacing: Bool
    ) async throws(HostError) {
        try await span(.rename, source) { () async throws(HostError) in
            try await base.renameDurably(from: source, to: destination, replacing: replacing)
        }
    }

    func syncDirectory(_ path: FilePath) async throws(HostError) {
        try await span(.syncDirectory, path) { () async throws(HostError) in try await base.syncDirectory(path) }
    }

    func syncTree(_ path: FilePath) async throws(HostError) {
        try await span(.syncTree, path) { () async throws(HostError) in try await base.syncTree(path) }
    }

    func removeFile(_ path: FilePath) async throws(HostError) -> Bool {
        try await span(.removeFile, path) { () async throws(HostError) in try await base.removeFile(path) }
    }

    func removeDirectory(_ path: FilePath) async throws(HostError) -> Bool {
        try await span(.removeDirectory, path) { () async throws(HostError) in
            try await base.removeDirectory(path)
        }
    }

    func removeTree(_ path: FilePath) async throws(HostError) {
        try await span(.removeTree, path) { () async throws(HostError) in try await base.removeTree(path) }
    }

    func setPermissions(_ path: FilePath, _ permissions: FilePermissions) async throws(HostError) {
        try await span(.setPermissions, path) { () async throws(HostError) in
            try await base.setPermissions(path, permissions)
        }
    }

    func setOwner(_ path: FilePath, userID: UInt32?, groupID: UInt32?) async throws(HostError) {
        try await span(.setOwner, path) { () async throws(HostError) in
            try await base.setOwner(path, userID: userID, groupID: groupID)
        }
    }

    func lock(_ path: FilePath) async throws(HostError) -> any HeldLock {
        try await span(.lock, path) { () async throws(HostError) in try await base.lock(path) }
    }

    func capacity() async throws(HostError) -> FileSystemCapacity {
        try await span(.capacity, FilePath()) { () async throws(HostError) in try await base.capacity() }
    }

    func createFile(
        _ path: FilePath, size: Int64, allocation: FileAllocation, permissions: FilePermissions
    ) async throws(HostError) {
        try await span(.createFile, path) { () async throws(HostError) in
            try await base.createFile(path, size: size, allocation: allocation, permissions: permissions)
        }
    }

    func setFileSize(_ path: FilePath, to size: Int64, allocation: FileAllocation) async throws(HostError) {
        try await span(.setFileSize, path) { () async throws(HostError) in
            try await base.setFileSize(path, to: size, allocation: allocation)
        }
    }

    func copyFile(
        from source: FilePath, in origin: any DirectoryTree, to destination: FilePath, options: CopyOptions
    ) async throws(HostError) -> CopyOutcome {
        try await span(.copyFile, source) { () async throws(HostError) in
            // The host below knows only trees of its own.
            let origin = (origin as? TracedDirectoryTree)?.base ?? origin
            return try await base.copyFile(from: source, in: origin, to: destination, options: options)
        }
    }

    func copyTree(
        from source: any DirectoryTree, to destination: FilePath, options: TreeCopyOptions
    ) async throws(HostError) -> TreeCopyProgress {
        try await span(.copyTree, destination) { () async throws(HostError) in
            // The host below knows only trees of its own.
            let source = (source as? TracedDirectoryTree)?.base ?? source
            return try await base.copyTree(from: source, to: destination, options: options)
        }
    }

    func isOpen(_ path: FilePath) async throws(HostError) -> Bool {
        try await span(.metadata, path) { () async throws(HostError) in try await base.isOpen(path) }
    }

    func unpackArchive(_ archive: FilePath, into destination: FilePath) async throws(HostError) {
        try await span(.unpack, archive) { () async throws(HostError) in
            try await base.unpackArchive(archive, into: destination)
        }
    }

    func punchHole(in path: FilePath, at offset: Int64, length: Int64) async throws(HostError) {
        try await span(.punchHole, path) { () async throws(HostError) in
            try await base.punchHole(in: path, at: offset, length: length)
        }
    }

    func completeDirectory(
        _ directory: FilePath, as destination: FilePath, with file: FilePath.Component, _ bytes: [UInt8],
        permissions: FilePermissions
    ) async throws(HostError) {
        try await span(.rename, directory) { () async throws(HostError) in
            try await base.completeDirectory(directory, as: destination, with: file, bytes, permissions: permissions)
        }
    }

    /// One span for all, named after the last step, which is what the others are for.
    func perform(_ steps: [TreeStep]) async throws(HostError) -> [TreeStep.Outcome] {
        guard let last = steps.last else { return [] }
        return try await span(last.operation, last.path) { () async throws(HostError) in
            try await base.perform(steps)
        }
    }

    /// The path is shown as it is from the root.
    func span<Reply: Sendable>(
        _ operation: HostOperation, _ relative: FilePath, _ body: () async throws(HostError) -> Reply
    ) async throws(HostError) -> Reply {
        try await tracing.span(operation, base.path.pushing(relative), body)
    }
}
