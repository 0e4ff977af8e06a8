import Glibc

/// Which file a path names now, to notice that it was removed or replaced.
struct SocketFile: Sendable, Equatable {
    private let device: UInt64
    private let inode: UInt64

    /// Looks at the path; nil when nothing is there.
    init?(_ path: String) {
        var status = stat()
        guard lstat(path, &status) == 0 else { return nil }
        device = UInt64(status.st_dev)
        inode = UInt64(status.st_ino)
    }
}
