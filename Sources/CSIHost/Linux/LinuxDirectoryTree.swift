import CLinux
import Glibc
import SystemPackage

/// A directory on Linux, held by descriptor.
final class LinuxDirectoryTree: DirectoryTree {
    let path: FilePath
    let descriptor: OwnedDescriptor

    /// Whether it is known to lie on NFS.
    ///
    /// A server answers a change of a directory when that is durable, and Linux does nothing to sync one. To open a directory for
    /// that would ask the server for its attributes once more.
    let isNFS: Bool

    init(_ descriptor: consuming OwnedDescriptor, path: FilePath, isNFS: Bool = false) {
        self.descriptor = descriptor
        self.path = path
        self.isNFS = isNFS
    }

    /// How a directory is opened whose names are changed and then made durable by ``syncNames(_:_:)``.
    var syncedDirectory: UInt64 { isNFS ? CLINUX_O_PATH | CLINUX_O_DIRECTORY : CLINUX_O_READ_DIRECTORY }

    /// Makes the names in a directory durable.
    func syncNames(_ directory: borrowing OwnedDescriptor, _ site: CallSite) throws(HostError) {
        if !isNFS { try site.sync(directory) }
    }

    /// The checked relative path and the call site that names its whole path.
    func place(
        _ relative: FilePath, allowEmpty: Bool = false, _ operation: HostOperation
    ) throws(HostError) -> (path: FilePath, site: CallSite) {
        let relative = try PathRule.relative(relative, beneath: path, allowEmpty: allowEmpty, operation)
        return (relative, CallSite(operation, at: path.pushing(relative)))
    }

    /// A checked relative path, split into the open directory that holds it and its name there.
    struct Slot: ~Copyable {
        let parent: OwnedDescriptor
        let name: FilePath.Component
        let site: CallSite

        /// Makes a system call on the parent's descriptor and the name.
        func result(_ call: (CInt, UnsafePointer<CChar>) -> Int) -> Result<Int, Errno> {
            let raw = parent.raw
            let site = site
            return name.withPlatformString { text in site.result { call(raw, text) } }
        }
    }

    /// Opens the directory that a path's last component is in.
    func slot(
        _ relative: FilePath, _ operation: HostOperation, parentFlags: UInt64 = CLINUX_O_PATH | CLINUX_O_DIRECTORY
    ) throws(HostError) -> Slot {
        let (relative, site) = try place(relative, operation)
        guard let name = relative.lastComponent else { throw site.failure(kind: .invalidPath) }
        let parent = try Resolution.beneath(descriptor.raw).openParent(of: relative, parentFlags, for: site)
        return Slot(parent: parent, name: name, site: site)
    }

    func openDirectory(_ path: FilePath) async throws(HostError) -> any DirectoryTree {
        let (path, site) = try place(path, allowEmpty: true, .openDirectory)
        let directory = try Resolution.beneath(descriptor.raw).open(path, CLINUX_O_READ_DIRECTORY, for: site)
        return LinuxDirectoryTree(directory, path: site.path, isNFS: isNFS)
    }

    func createDirectory(_ path: FilePath, permissions: FilePermissions) async throws(HostError) {
        let slot = try slot(path, .createDirectory)
        guard try slot.site.makeDirectory(slot.name, in: slot.parent, permissions) else {
            throw slot.site.failure(.fileExists)
        }
    }

    func metadata(of path: FilePath) async throws(HostError) -> FileMetadata? {
        let (path, site) = try place(path, allowEmpty: true, .metadata)
        return try site.metadata(of: path, by: .beneath(descriptor.raw))
    }

    func metadata(
        of child: String, inEachOf parents: [String], in path: FilePath
    ) async throws(HostError) -> [Result<FileMetadata?, HostError>] {
        let (path, site) = try place(path, allowEmpty: true, .metadata)
        let directory = try Resolution.beneath(descriptor.raw).open(
            path, CLINUX_O_PATH | CLINUX_O_DIRECTORY, for: site)
        try PathRule.name(child, at: site.path, .metadata)
        var answers: [Result<FileMetadata?, HostError>] = []
        answers.reserveCapacity(parents.count)
        for parent in parents {
            try PathRule.name(parent, at: site.path, .metadata)
            // One system call: nothing is opened, and no path is made.
            answers.append(site.status(of: parent + "/" + child, in: directory))
        }
        return answers
    }

    func list(_ path: FilePath, limit: Int) async throws(HostError) -> [DirectoryEntry] {
        let (path, site) = try place(path, allowEmpty: true, .list)
        let directory = try Resolution.beneath(descriptor.raw).open(path, CLINUX_O_READ_DIRECTORY, for: site)
        var reader = DirectoryReader()
        var entries: [DirectoryEntry] = []
        while let batch = try reader.next(directory.raw, for: site) {
            entries += batch
            guard entries.count <= limit else {
                throw site.failure(kind: .tooLarge, detail: "it has more than the \(limit) entries that are accepted")
            }
        }
        return entries.sortedByName()
    }

    func readFile(_ path: FilePath, limit: Int) async throws(HostError) -> [UInt8] {
        let (path, site) = try place(path, .readFile)
        let file = try Resolution.beneath(descriptor.raw).open(path, CLINUX_O_READ, for: site)
        let metadata = FileMetadata(try site.status(of: file))
        guard metadata.kind != .directory else { throw site.failure(kind: .isDirectory) }
        guard metadata.kind == .regular else {
            throw site.failure(kind: .wrongType, detail: "it is not a regular file")
        }
        guard metadata.size <= Int64(limit) else {
            throw site.failure(
                kind: .tooLarge, detail: "it has \(metadata.size) bytes, more than the \(limit) that are accepted")
        }
        return try site.readAll(file, size: Int(metadata.size), limit: limit)
    }

    func setPermissions(_ path: FilePath, _ permissions: FilePermissions) async throws(HostError) {
        let (path, site) = try place(path, allowEmpty: true, .setPermissions)
        try site.changeMode(of: Resolution.beneath(descriptor.raw).open(path, CLINUX_O_PATH, for: site), permissions)
    }

    func setOwner(_ path: FilePath, userID: UInt32?, groupID: UInt32?) async throws(HostError) {
        let (path, site) = try place(path, allowEmpty: true, .setOwner)
        let file = try Resolution.beneath(descriptor.raw).open(path, CLINUX_O_PATH | CLINUX_O_NOFOLLOW, for: site)
        let raw = file.raw
        // All ones means: leave as it is.
        try site.check {
            clinux_fchownat(raw, "", userID ?? .max, groupID ?? .max, CLINUX_AT_EMPTY_PATH)
        }
    }

    func lock(_ name: FilePath) async throws(HostError) -> any HeldLock {
        let (path, site) = try place(name, .lock)
        let file = try Resolution.beneath(descriptor.raw).open(
            path, CLINUX_O_CREATE, permissions: [.ownerReadWrite], for: site)
        guard FileMetadata(try site.status(of: file)).kind == .regular else {
            throw site.failure(kind: .wrongType, detail: "a lock file must be a regular file")
        }
        let raw = file.raw
        switch site.result({ clinux_try_lock(raw) }) {
        case .success:
            // Between the two another process may have replaced the file, and locked the one that is there now.
            let found = try await metadata(of: name)
            guard FileMetadata(try site.status(of: file)).identity == found?.identity else {
                throw site.failure(kind: .lockHeld, detail: "it was replaced at this very moment; try again")
            }
            return LinuxLock(file)
        case .failure(.resourceTemporarilyUnavailable):
            throw site.failure(
                kind: .lockHeld, detail: "another process holds the lock; only one may use this directory")
        case .failure(let errno): throw site.failure(errno)
        }
    }

    func capacity() async throws(HostError) -> FileSystemCapacity {
        try CallSite(.capacity, at: path).capacity(of: descriptor)
    }
}

extension CallSite {
    /// Reads the status of what a path leads to, of a link itself; nil when there is nothing.
    fileprivate func status(
        of path: String, in directory: borrowing OwnedDescriptor
    ) -> Result<FileMetadata?, HostError> {
        var status = statx()
        let raw = directory.raw
        let flags = CLINUX_AT_SYMLINK_NOFOLLOW
        switch result({ clinux_statx(raw, path, flags, UInt32(STATX_BASIC_STATS), &status) }) {
        case .success: return .success(FileMetadata(status))
        case .failure(.noSuchFileOrDirectory), .failure(.notDirectory): return .success(nil)
        case .failure(let errno): return .failure(failure(errno, detail: path))
        }
    }
}

/// A lock on an open file description.
final class LinuxLock: HeldLock {
    private let descriptor: OwnedDescriptor

    init(_ descriptor: consuming OwnedDescriptor) {
        self.descriptor = descriptor
    }

    func release() {
        // Explicitly, not by closing: a child process may hold a copy of the descriptor for a moment.
        _ = clinux_unlock(descriptor.raw)
    }

    deinit {
        release()
    }
}
