import CSITransport
import Glibc

/// Fetches a page of a driver's own HTTP server.
enum HTTPGet {
    /// The body of a page; nil when there is no answer within a few seconds.
    static func body(of path: String, at address: HTTPAddress) -> String? {
        let descriptor = connect(to: address)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        let request = Array("GET \(path) HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".utf8)
        guard send(descriptor, request, request.count, Int32(MSG_NOSIGNAL)) == request.count else {
            return nil
        }
        var bytes: [UInt8] = []
        var part = [UInt8](repeating: 0, count: 64 << 10)
        while bytes.count < 16 << 20 {
            let count = recv(descriptor, &part, part.count, 0)
            if count <= 0 { break }
            bytes += part[..<count]
        }
        let text = String(decoding: bytes, as: UTF8.self)
        guard let head = text.firstRange(of: "\r\n\r\n") else { return nil }
        return String(text[head.upperBound...])
    }

    private static func connect(to address: HTTPAddress) -> Int32 {
        switch address {
        case .unix(let endpoint):
            var name = sockaddr_un()
            name.sun_family = sa_family_t(AF_UNIX)
            let isShort = withUnsafeMutableBytes(of: &name.sun_path) { field in
                guard endpoint.path.utf8.count < field.count else { return false }
                for (index, byte) in endpoint.path.utf8.enumerated() { field[index] = byte }
                return true
            }
            guard isShort else { return -1 }
            return withUnsafeBytes(of: &name) { connect(AF_UNIX, $0) }
        case .tcp(let host, let port):
            // An address of every interface is asked at this machine's own.
            if host.contains(":") {
                var name = sockaddr_in6()
                name.sin6_family = sa_family_t(AF_INET6)
                name.sin6_port = port.bigEndian
                guard inet_pton(AF_INET6, host == "::" ? "::1" : host, &name.sin6_addr) == 1 else { return -1 }
                return withUnsafeBytes(of: &name) { connect(AF_INET6, $0) }
            }
            var name = sockaddr_in()
            name.sin_family = sa_family_t(AF_INET)
            name.sin_port = port.bigEndian
            let isAny = host.isEmpty || host == "0.0.0.0"
            guard inet_pton(AF_INET, isAny ? "127.0.0.1" : host, &name.sin_addr) == 1 else { return -1 }
            return withUnsafeBytes(of: &name) { connect(AF_INET, $0) }
        }
    }

    private static func connect(_ family: Int32, _ name: UnsafeRawBufferPointer) -> Int32 {
        let descriptor = socket(family, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0, let base = name.baseAddress else { return -1 }
        var limit = timeval(tv_sec: 5, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        let address = base.assumingMemoryBound(to: sockaddr.self)
        guard Glibc.connect(descriptor, address, socklen_t(name.count)) == 0 else {
            close(descriptor)
            return -1
        }
        return descriptor
    }
}
