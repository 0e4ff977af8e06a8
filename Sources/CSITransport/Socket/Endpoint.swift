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
        guard let first = text.utf8.first else { throw .empty }
        // Byte by byte: a path is bytes, and what characters are takes pages of tables that nothing else in an idle server needs.
        let slash = UInt8(ascii: "/")
        let at = UInt8(ascii: "@")
        var path = text
        if let colon = text.utf8.firstIndex(of: UInt8(ascii: ":")), first != slash, first != at {
            let scheme = Endpoint.lowercased(text.utf8[..<colon])
            if scheme == "unix-abstract" { throw .abstract(text) }
            guard scheme == "unix" else { throw .unsupportedScheme(scheme) }
            var rest = text.utf8[text.utf8.index(after: colon)...]
            // unix:///a/b has an empty authority; unix:/a/b has none. unix://a/b would name a host.
            if rest.starts(with: "//".utf8) { rest = rest.dropFirst(2) }
            path = String(decoding: rest, as: UTF8.self)
        }
        if path.utf8.first == at || path.utf8.first == 0 { throw .abstract(text) }
        if path.utf8.contains(0) { throw .containsNUL }
        guard path.utf8.first == slash else { throw .relative(path) }
        guard path.utf8.count <= Endpoint.maximumPathBytes else { throw .tooLong(path, bytes: path.utf8.count) }
        guard path.utf8.suffix(5).elementsEqual(".sock".utf8) else { throw .missingSuffix(path) }
        self.path = path
    }

    private static func lowercased(_ scheme: Substring.UTF8View) -> String {
        let bytes = scheme.map { (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0) ? $0 | 0x20 : $0 }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// The endpoint in its full form, for example `unix:///run/csi.sock`.
    public var description: String { "unix://\(path)" }
}
