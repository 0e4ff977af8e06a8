import Glibc

/// Where texts for operators are served: a TCP address with a port, or a Unix socket.
///
/// The accepted spellings are `127.0.0.1:9808`, `[::1]:9808`, `:9808` for every address of the machine, and what
/// ``Endpoint`` accepts. Host names are refused: what a name stands for can change under a running process.
public enum HTTPAddress: Sendable, Hashable, CustomStringConvertible {
    /// A numeric host, empty for every address, and a port; port 0 lets the kernel choose.
    case tcp(host: String, port: UInt16)

    /// A Unix socket.
    case unix(Endpoint)

    /// Reads an address as an operator writes it.
    ///
    /// - Throws: ``HTTPAddressError`` that says what is wrong and what is expected.
    public init(parsing text: String) throws(HTTPAddressError) {
        if text.hasPrefix("/") || text.hasPrefix("unix:") {
            do throws(EndpointError) {
                self = .unix(try Endpoint(parsing: text))
            } catch {
                throw HTTPAddressError(reason: error.description)
            }
            return
        }
        guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]) else {
            throw HTTPAddressError(reason: "\(text.debugDescription) has no port; \(HTTPAddressError.expected)")
        }
        var host = text[..<colon]
        if host.hasPrefix("[") && host.hasSuffix("]") {
            host = host.dropFirst().dropLast()
            guard !host.isEmpty, host.contains(":") else {
                throw HTTPAddressError(reason: "\(text.debugDescription) has no IPv6 address between its brackets")
            }
        } else if host.contains(":") {
            throw HTTPAddressError(reason: "\(text.debugDescription) needs brackets: [address]:port")
        }
        let address = HTTPAddress.tcp(host: String(host), port: port)
        guard host.isEmpty || TCPAddress(host: String(host), port: port) != nil else {
            throw HTTPAddressError(
                reason: "\(String(host).debugDescription) is not a numeric address; \(HTTPAddressError.expected)")
        }
        self = address
    }

    /// The address in the form that it is parsed from.
    public var description: String {
        switch self {
        case .tcp(let host, let port): host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
        case .unix(let endpoint): endpoint.description
        }
    }
}

/// Why a text is not an ``HTTPAddress``.
public struct HTTPAddressError: Error, Sendable, Hashable, CustomStringConvertible {
    static let expected = "expected for example 127.0.0.1:9808, :9808 or unix:///run/csi/health.sock"

    /// What is wrong, and what is expected.
    public let reason: String

    /// The reason.
    public var description: String { reason }
}
