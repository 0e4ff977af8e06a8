import Glibc

/// A Unix socket address in the form the kernel takes it.
struct SocketAddress {
    private var storage = sockaddr_un()

    /// The address of `endpoint`, whose path is known to fit.
    init(_ endpoint: Endpoint) {
        storage.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &storage.sun_path) { target in
            // One byte stays zero: the terminator.
            for (index, byte) in endpoint.path.utf8.prefix(max(0, target.count - 1)).enumerated() {
                target[index] = byte
            }
        }
    }

    /// Calls `body` with the address, and answers its result or `-errno`.
    func call(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32) -> Int {
        withUnsafePointer(to: storage) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                Syscall.call { body(address, socklen_t(MemoryLayout<sockaddr_un>.size)) }
            }
        }
    }

    /// A new stream socket that does not block and does not survive exec; the descriptor, or `-errno`.
    static func makeSocket() -> Int {
        let type = Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
        return Syscall.call { socket(AF_UNIX, type, 0) }
    }
}
