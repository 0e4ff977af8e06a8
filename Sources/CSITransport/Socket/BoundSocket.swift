import CLinux
import Glibc

/// A listening socket and the file that names it.
struct BoundSocket: Sendable {
    /// The listening descriptor.
    let descriptor: Int32

    private let path: String
    private let device: UInt64
    private let inode: UInt64

    /// Binds and listens at `endpoint`, replacing a stale socket and refusing a live one.
    ///
    /// The directory is locked meanwhile, so that two processes that start together cannot take each other's socket
    /// for a stale one: between bind and listen a socket refuses connections as a stale one does.
    init(at endpoint: Endpoint, ownership: SocketOwnership, backlog: Int32) throws(EndpointError) {
        let path = endpoint.path
        let lock = try DirectoryLock(containing: path)
        defer { lock.release() }
        try BoundSocket.removeStale(endpoint)

        let socket = SocketAddress.makeSocket()
        guard socket >= 0 else { throw BoundSocket.failure("socket", path, socket) }
        let descriptor = Int32(truncatingIfNeeded: socket)
        do throws(EndpointError) {
            // The kernel gives the file the mode of the socket's own inode, so it is never wider than asked, not even
            // for a moment. The umask can only narrow it.
            let narrow = ownership.userID == nil && ownership.groupID == nil ? ownership.mode : 0o600 & ownership.mode
            let moded = Syscall.call { fchmod(descriptor, narrow & 0o777) }
            guard moded >= 0 else { throw BoundSocket.failure("chmod", path, moded) }
            let bound = SocketAddress(endpoint).call { bind(descriptor, $0, $1) }
            if bound == -Int(EADDRINUSE) { throw EndpointError.inUse(path, pid: nil) }
            guard bound >= 0 else { throw BoundSocket.failure("bind", path, bound) }
        } catch {
            Syscall.close(descriptor)
            throw error
        }
        var status = stat()
        let found = Syscall.call { lstat(path, &status) }
        self.descriptor = descriptor
        self.path = path
        self.device = UInt64(truncatingIfNeeded: status.st_dev)
        self.inode = UInt64(truncatingIfNeeded: status.st_ino)
        do throws(EndpointError) {
            guard found >= 0 else { throw BoundSocket.failure("stat", path, found) }
            try finish(ownership)
            let listening = Syscall.call { listen(descriptor, backlog) }
            guard listening >= 0 else { throw BoundSocket.failure("listen", path, listening) }
        } catch {
            close()
            throw error
        }
    }

    /// Stops listening, and removes the file if it is still the one that was bound.
    func close() {
        Syscall.close(descriptor)
        var status = stat()
        guard Syscall.call({ lstat(path, &status) }) >= 0,
            UInt64(truncatingIfNeeded: status.st_dev) == device, UInt64(truncatingIfNeeded: status.st_ino) == inode
        else { return }
        _ = Syscall.call { unlink(path) }
    }

    /// Sets owner and final mode where `bind` could not: owner first, so that the mode never lets in the wrong ones.
    private func finish(_ ownership: SocketOwnership) throws(EndpointError) {
        if ownership.userID != nil || ownership.groupID != nil {
            let unchanged = UInt32.max
            let changed = Syscall.call {
                lchown(path, ownership.userID ?? unchanged, ownership.groupID ?? unchanged)
            }
            guard changed >= 0 else { throw BoundSocket.failure("chown", path, changed) }
        }
        let opened = Int(csi_open_path(path))
        guard opened >= 0 else { throw BoundSocket.failure("open", path, opened) }
        let handle = Int32(truncatingIfNeeded: opened)
        defer { Syscall.close(handle) }
        var status = stat()
        let found = Syscall.call { fstat(handle, &status) }
        guard found >= 0 else { throw BoundSocket.failure("stat", path, found) }
        // An O_PATH descriptor cannot be fchmod-ed, and its /proc path names this very inode, whatever `path` is now.
        guard UInt32(status.st_mode) & 0o777 != ownership.mode & 0o777 else { return }
        guard (status.st_mode & S_IFMT) == S_IFSOCK, UInt64(truncatingIfNeeded: status.st_ino) == inode else {
            throw .notASocket(path)
        }
        let changed = Syscall.call { chmod("/proc/self/fd/\(handle)", ownership.mode & 0o777) }
        guard changed >= 0 else { throw BoundSocket.failure("chmod", path, changed) }
    }

    /// Removes a socket that nobody listens on; anything else in the way is an error.
    private static func removeStale(_ endpoint: Endpoint) throws(EndpointError) {
        let path = endpoint.path
        var status = stat()
        let found = Syscall.call { lstat(path, &status) }
        if found == -Int(ENOENT) { return }
        guard found >= 0 else { throw failure("stat", path, found) }
        guard (status.st_mode & S_IFMT) == S_IFSOCK else { throw .notASocket(path) }

        // A process that was killed while it started a child leaves its descriptors to that child, until the child closes them: at once,
        // but a machine that is short of processors or waits for its disk may take seconds.
        var patience = 500
        while case .listens(let processID) = try listener(at: endpoint) {
            guard let processID, processID > 0, Syscall.call({ kill(processID, 0) }) == -Int(ESRCH), patience > 0
            else { throw .inUse(path, pid: processID) }
            patience -= 1
            usleep(20_000)
        }
        let removed = Syscall.call { unlink(path) }
        guard removed >= 0 || removed == -Int(ENOENT) else { throw failure("unlink", path, removed) }
    }

    private enum Listener {
        case none
        /// The process that began to listen, where the kernel tells.
        case listens(Int32?)
    }

    private static func listener(at endpoint: Endpoint) throws(EndpointError) -> Listener {
        let probe = SocketAddress.makeSocket()
        guard probe >= 0 else { throw failure("socket", endpoint.path, probe) }
        let descriptor = Int32(truncatingIfNeeded: probe)
        defer { Syscall.close(descriptor) }
        let connected = SocketAddress(endpoint).call { connect(descriptor, $0, $1) }
        switch connected {
        case 0...: return .listens(PeerCredentials(of: descriptor)?.processID)
        // The listener's backlog is full, or it accepts another kind of socket: alive all the same.
        case -Int(EAGAIN), -Int(EPROTOTYPE): return .listens(nil)
        case -Int(ECONNREFUSED), -Int(ENOENT): return .none
        default: throw failure("connect", endpoint.path, connected)
        }
    }

    private static func failure(_ operation: String, _ path: String, _ result: Int) -> EndpointError {
        .system(operation: operation, path: path, errno: Int32(truncatingIfNeeded: -result))
    }
}
