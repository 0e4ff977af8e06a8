import CLinux
import Glibc
import SystemPackage

/// Files by absolute path on Linux.
struct LinuxFiles: FileStore {
    func openDirectory(_ path: FilePath) async throws(HostError) -> any DirectoryTree {
        let path = try PathRule.absolute(path, .openDirectory)
        let site = CallSite(.openDirectory, at: path)
        return LinuxDirectoryTree(try Resolution.absolute.open(path, CLINUX_O_READ_DIRECTORY, for: site), path: path)
    }

    func canonicalPath(of path: FilePath) async throws(HostError) -> FilePath {
        let site = CallSite(.canonicalPath, at: path)
        guard path.isAbsolute else { throw site.failure(kind: .invalidPath, detail: "the path must be absolute") }
        // Opened and asked for its name: the kernel's answer has neither links nor the limits of a walk in user space.
        let number = try site.check {
            path.withPlatformString { clinux_openat2(CLINUX_AT_FDCWD, $0, CLINUX_O_PATH, 0, 0) }
        }
        let descriptor = OwnedDescriptor(adopting: CInt(truncatingIfNeeded: number))
        return try site.currentPath(of: descriptor)
    }

    func metadata(of path: FilePath) async throws(HostError) -> FileMetadata? {
        let path = try PathRule.absolute(path, .metadata)
        return try CallSite(.metadata, at: path).metadata(of: path, by: .absolute)
    }

    func createMountPoint(
        _ path: FilePath, kind: FileKind, permissions: FilePermissions
    ) async throws(HostError) -> Bool {
        let path = try PathRule.absoluteBelowRoot(path, .createMountPoint)
        let site = CallSite(.createMountPoint, at: path)
        guard kind == .directory || kind == .regular, let name = path.lastComponent else {
            throw site.failure(kind: .invalidArgument, detail: "a mount point is a directory or a regular file")
        }
        let parent = try site.openMountPointParent()
        let created =
            kind == .directory
            ? try site.makeDirectory(name, in: parent, permissions)
            : try site.makeFile(name, in: parent, permissions)
        if created { return true }
        guard let status = try site.cachedStatus(of: name, in: parent.raw) else {
            throw site.failure(.noSuchFileOrDirectory, detail: "somebody removed it at the same moment")
        }
        switch (FileKind(mode: UInt32(status.stx_mode)), kind) {
        case (.symbolicLink, _): throw site.failure(kind: .symbolicLink, detail: "a mount point must not be a link")
        case (.directory, .directory), (.regular, .regular), (.special, .regular): return false
        case (_, .directory): throw site.failure(kind: .wrongType, detail: "a file is there, a directory is needed")
        default: throw site.failure(kind: .wrongType, detail: "a directory is there, a file is needed")
        }
    }

    func removeMountPoint(_ path: FilePath) async throws(HostError) -> Bool {
        let path = try PathRule.absoluteBelowRoot(path, .removeMountPoint)
        let site = CallSite(.removeMountPoint, at: path)
        guard let name = path.lastComponent else { return false }
        let parent: OwnedDescriptor
        do throws(HostError) {
            parent = try site.openMountPointParent()
        } catch  where error.kind == .notFound {
            return false
        }
        let raw = parent.raw
        switch name.withPlatformString({ text in site.result { clinux_unlinkat(raw, text, CLINUX_AT_REMOVEDIR) } }) {
        case .success: return true
        case .failure(.noSuchFileOrDirectory): return false
        case .failure(.notDirectory): return try site.removeEmptyFile(name, in: parent)
        case .failure(.directoryNotEmpty): throw site.failure(.directoryNotEmpty, detail: "its content is left alone")
        case .failure(.resourceBusy): throw site.failure(.resourceBusy, detail: "something is mounted there")
        case .failure(let errno): throw site.failure(errno)
        }
    }

    func capacity(of path: FilePath) async throws(HostError) -> FileSystemCapacity {
        let path = try PathRule.absolute(path, .capacity)
        let site = CallSite(.capacity, at: path)
        return try site.capacity(of: Resolution.absolute.open(path, CLINUX_O_PATH, for: site))
    }

    func uniqueName(prefix: String) -> String {
        RandomName.make(prefix: prefix)
    }
}

extension CallSite {
    /// The path that an open file has now.
    func currentPath(of descriptor: borrowing OwnedDescriptor) throws(HostError) -> FilePath {
        var text = [CChar](repeating: 0, count: Int(PATH_MAX) + 1)
        let link = "/proc/self/fd/\(descriptor.raw)"
        let room = text.count - 1
        let length = try check { clinux_readlinkat(CLINUX_AT_FDCWD, link, &text, room) }
        guard length < room else { throw failure(.fileNameTooLong) }
        return FilePath(platformString: text)
    }

    /// Reads what a path is; nil when nothing is there.
    func metadata(of path: FilePath, by resolution: Resolution) throws(HostError) -> FileMetadata? {
        do throws(HostError) {
            let file = try resolution.open(path, CLINUX_O_PATH | CLINUX_O_NOFOLLOW, for: self)
            return FileMetadata(try status(of: file))
        } catch  where error.kind == .notFound {
            return nil
        }
    }

    fileprivate func openMountPointParent() throws(HostError) -> OwnedDescriptor {
        try Resolution.absolute.openParent(of: path, CLINUX_O_PATH | CLINUX_O_DIRECTORY, for: self)
    }

    /// Creates a directory with exactly the given mode; false when the name is taken.
    func makeDirectory(
        _ name: FilePath.Component, in parent: borrowing OwnedDescriptor, _ permissions: FilePermissions
    ) throws(HostError) -> Bool {
        let raw = parent.raw
        switch name.withPlatformString({ text in result { clinux_mkdirat(raw, text, permissions.rawValue) } }) {
        case .success: break
        case .failure(.fileExists): return false
        case .failure(let errno): throw failure(errno)
        }
        // The umask may have taken bits away, and mkdir ignores set-ID bits.
        let directory = try Resolution.beneath(parent.raw).open(FilePath(component: name), CLINUX_O_PATH, for: self)
        if FileMetadata(try status(of: directory)).permissions != permissions {
            try changeMode(of: directory, permissions)
        }
        return true
    }

    /// Creates an empty file with exactly the given mode; false when the name is taken.
    fileprivate func makeFile(
        _ name: FilePath.Component, in parent: borrowing OwnedDescriptor, _ permissions: FilePermissions
    ) throws(HostError) -> Bool {
        let path = FilePath(component: name)
        let owner: FilePermissions = [.ownerReadWrite]
        switch Resolution.beneath(parent.raw).openIfPossible(path, CLINUX_O_CREATE_NEW, permissions: owner, for: self) {
        case .opened(let file):
            let raw = file.raw
            try check { clinux_fchmod(raw, permissions.rawValue) }
            return true
        case .refused(.fileExists): return false
        case .refused(let errno): throw failure(errno)
        }
    }

    /// Changes the mode of a file that is open in whatever way, not of a link.
    func changeMode(of file: borrowing OwnedDescriptor, _ permissions: FilePermissions) throws(HostError) {
        // A descriptor without access rights cannot be given to fchmod; its name in /proc leads to the same file.
        let link = "/proc/self/fd/\(file.raw)"
        try check { clinux_chmod(link, permissions.rawValue) }
    }

    fileprivate func removeEmptyFile(
        _ name: FilePath.Component, in parent: borrowing OwnedDescriptor
    ) throws(HostError) -> Bool {
        guard let status = try cachedStatus(of: name, in: parent.raw) else { return false }
        // The size of what is mounted there says nothing about the file below.
        guard status.stx_attributes & UInt64(STATX_ATTR_MOUNT_ROOT) == 0 else {
            throw failure(.resourceBusy, detail: "something is mounted there")
        }
        switch FileKind(mode: UInt32(status.stx_mode)) {
        case .symbolicLink: throw failure(kind: .symbolicLink, detail: "it is left alone")
        case .regular where status.stx_size == 0: break
        case .regular: throw failure(kind: .notEmpty, detail: "the file has \(status.stx_size) bytes and is left alone")
        default: throw failure(kind: .wrongType, detail: "it is neither a directory nor a regular file")
        }
        let raw = parent.raw
        switch name.withPlatformString({ text in result { clinux_unlinkat(raw, text, 0) } }) {
        case .success: return true
        case .failure(.noSuchFileOrDirectory): return false
        case .failure(.resourceBusy): throw failure(.resourceBusy, detail: "something is mounted there")
        case .failure(let errno): throw failure(errno)
        }
    }
}
