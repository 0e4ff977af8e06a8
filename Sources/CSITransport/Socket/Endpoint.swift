/// The address of a CSI socket: an absolute path of a Unix socket, ending in `.sock`.
///
/// The accepted spellings are `unix:///run/csi.sock`, `unix:/run/csi.sock` and `/run/csi.sock`. The specification of CSI
/// allows Unix sockets only, so TCP is refused; abstract sockets are refused because any local user can take their names.
public struct Endpoint: Sendable, Hashable, CustomStringConvertible {
    /// The longest path that fits into a socket address, in bytes.
    public static let maximumPathBytes = 107

    /// The absolute path of the socket.
    public let path: String

    /// Reads an endpoint as an operator writes it.
    ///
    /// - Throws: `EndpointError` that says what is wrong and what is expected.
    public init(parsing text: String) throws(EndpointError) {
        guard !text.isEmpty else { throw .empty }
        var path = text
        if let colon = text.firstIndex(of: ":"), !text.hasPrefix("/"), !text.hasPrefix("@") {
            let scheme = text[..<colon].lowercased()
            if scheme == "unix-abstract" { throw .abstract(text) }
            guard scheme == "unix" else { throw .unsupportedScheme(scheme) }
            path = String(text[text.index(after: colon)...])
            // unix:///a/b has an empty authority; unix:/a/b has none. unix://a/b would name a host.
            if path.hasPrefix("//") { path.removeFirst(2) }
        }
        if path.hasPrefix("@") || path.utf8.first == 0 { throw .abstract(text) }
        if path.utf8.contains(0) { throw .containsNUL }
        guard path.hasPrefix("/") else { throw .relative(path) }
        guard path.utf8.count <= Endpoint.maximumPathBytes else { throw .tooLong(path, bytes: path.utf8.count) }
        guard path.hasSuffix(".sock") else { throw .missingSuffix(path) }
        self.path = path
    }

    /// The endpoint in its full form, for example `unix:///run/csi.sock`.
    public var description: String { "unix://\(path)" }
}
