import Glibc

/// A socket that an ``HTTPTextServer`` listens on, TCP or Unix.
enum HTTPListeningSocket: Sendable {
    case tcp(descriptor: Int32)
    case unix(BoundSocket)

    /// Binds and listens.
    init(at address: HTTPAddress, ownership: SocketOwnership) throws(EndpointError) {
        switch address {
        case .unix(let endpoint):
            self = .unix(try BoundSocket(at: endpoint, ownership: ownership, backlog: 64))
        case .tcp(let host, let port):
            var made = -Int(EAFNOSUPPORT)
            if !host.isEmpty {
                made = TCPAddress(host: host, port: port)?.listen(backlog: 64) ?? -Int(EINVAL)
            } else {
                // An IPv6 socket takes IPv4 as well, but a kernel may come without IPv6.
                made = TCPAddress(anyOf: AF_INET6, port: port).listen(backlog: 64)
                if made == -Int(EAFNOSUPPORT) { made = TCPAddress(anyOf: AF_INET, port: port).listen(backlog: 64) }
            }
            guard made >= 0 else {
                throw .system(
                    operation: "listen", path: address.description, errno: Int32(truncatingIfNeeded: -made))
            }
            self = .tcp(descriptor: Int32(truncatingIfNeeded: made))
        }
    }

    var descriptor: Int32 {
        switch self {
        case .tcp(let descriptor): descriptor
        case .unix(let socket): socket.descriptor
        }
    }

    func close() {
        switch self {
        case .tcp(let descriptor): Syscall.close(descriptor)
        case .unix(let socket): socket.close()
        }
    }
}
