import Glibc

/// A numeric IPv4 or IPv6 address with a port, in the form the kernel takes it.
struct TCPAddress {
    private var storage = sockaddr_storage()
    private let length: socklen_t

    /// AF_INET or AF_INET6.
    let family: Int32

    /// Every address of the machine, over IPv4 only or over both.
    init(anyOf family: Int32, port: UInt16) {
        self.family = family
        length = TCPAddress.fill(&storage, family, port) { _ in }
    }

    /// The address that `host` spells in digits; nil when it spells none.
    init?(host: String, port: UInt16) {
        family = host.contains(":") ? AF_INET6 : AF_INET
        var isValid = false
        let family = self.family
        length = TCPAddress.fill(&storage, family, port) { isValid = inet_pton(family, host, $0) == 1 }
        if !isValid { return nil }
    }

    private static func fill(
        _ storage: inout sockaddr_storage, _ family: Int32, _ port: UInt16, _ host: (UnsafeMutableRawPointer) -> Void
    ) -> socklen_t {
        withUnsafeMutableBytes(of: &storage) { bytes in
            guard let base = bytes.baseAddress else { return 0 }
            if family == AF_INET6 {
                let address = base.assumingMemoryBound(to: sockaddr_in6.self)
                address.pointee.sin6_family = sa_family_t(AF_INET6)
                address.pointee.sin6_port = port.bigEndian
                host(&address.pointee.sin6_addr)
                return socklen_t(MemoryLayout<sockaddr_in6>.size)
            }
            let address = base.assumingMemoryBound(to: sockaddr_in.self)
            address.pointee.sin_family = sa_family_t(AF_INET)
            address.pointee.sin_port = port.bigEndian
            host(&address.pointee.sin_addr)
            return socklen_t(MemoryLayout<sockaddr_in>.size)
        }
    }

    /// Opens, binds and listens; the descriptor, or `-errno`.
    func listen(backlog: Int32) -> Int {
        let type = Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
        let made = Syscall.call { socket(family, type, 0) }
        guard made >= 0 else { return made }
        let descriptor = Int32(truncatingIfNeeded: made)
        var on: Int32 = 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, socklen_t(MemoryLayout<Int32>.size))
        let result = withUnsafePointer(to: storage) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                Syscall.call { bind(descriptor, address, length) }
            }
        }
        let listening = result < 0 ? result : Syscall.call { Glibc.listen(descriptor, backlog) }
        guard listening >= 0 else {
            Syscall.close(descriptor)
            return listening
        }
        return made
    }

    /// The port that a listening descriptor got.
    static func port(of descriptor: Int32) -> UInt16? {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let result = withUnsafeMutablePointer(to: &storage) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &length) }
        }
        guard result == 0 else { return nil }
        return withUnsafeBytes(of: &storage) { bytes in
            // Family and port lie at the same place in both kinds of address.
            UInt16(bigEndian: bytes.loadUnaligned(fromByteOffset: 2, as: UInt16.self))
        }
    }
}
