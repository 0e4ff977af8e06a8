import Glibc

/// An exclusive lock on the directory of a path, on the directory itself: no lock file is left beside the socket.
struct DirectoryLock {
    private let descriptor: Int32

    /// Locks the directory that holds `path`, waiting at most two seconds.
    init(containing path: String) throws(EndpointError) {
        var directory = path
        if let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) {
            directory = String(decoding: path.utf8[...slash], as: UTF8.self)
        }
        let opened = Syscall.call { open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC) }
        guard opened >= 0 else {
            throw .system(operation: "open", path: directory, errno: Int32(truncatingIfNeeded: -opened))
        }
        let descriptor = Int32(truncatingIfNeeded: opened)
        for attempt in 0..<200 {
            let locked = Syscall.call { flock(descriptor, LOCK_EX | LOCK_NB) }
            if locked >= 0 {
                self.descriptor = descriptor
                return
            }
            // A file system without locks: the race is back, nothing else is lost.
            guard locked == -Int(EWOULDBLOCK) else {
                self.descriptor = descriptor
                return
            }
            if attempt < 199 { usleep(10_000) }
        }
        Syscall.close(descriptor)
        throw .directoryBusy(path)
    }

    /// Gives the lock back.
    func release() {
        Syscall.close(descriptor)
    }
}
