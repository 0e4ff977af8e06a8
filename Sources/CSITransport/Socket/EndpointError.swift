import Glibc

/// Why an endpoint cannot be parsed or bound.
public enum EndpointError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The text is empty.
    case empty

    /// The text names a scheme other than `unix`.
    case unsupportedScheme(String)

    /// The text names an abstract socket.
    case abstract(String)

    /// The path carries a NUL byte.
    case containsNUL

    /// The path does not begin with `/`.
    case relative(String)

    /// The path has more bytes than a socket address can hold.
    case tooLong(String, bytes: Int)

    /// The path does not end in `.sock`.
    case missingSuffix(String)

    /// Something that is not a socket is in the way; it is left alone.
    case notASocket(String)

    /// Another process serves the socket; `pid` when the kernel tells it.
    case inUse(String, pid: Int32?)

    /// Another process is binding in the same directory and does not finish.
    case directoryBusy(String)

    /// The server was bound, run or stopped before.
    case alreadyUsed

    /// A system call failed with `errno`.
    case system(operation: String, path: String, errno: Int32)

    /// One line for the operator: what is wrong, and what is expected.
    public var description: String {
        switch self {
        case .empty:
            "the endpoint is empty; expected unix:///absolute/path.sock"
        case .unsupportedScheme(let scheme):
            "the endpoint's scheme \(scheme.debugDescription) is not supported: CSI is served on Unix sockets only;"
                + " expected unix:///absolute/path.sock"
        case .abstract(let text):
            "the endpoint \(text.debugDescription) names an abstract socket, which any local user could take over;"
                + " expected unix:///absolute/path.sock"
        case .containsNUL:
            "the endpoint's path contains a NUL byte"
        case .relative(let path):
            "the endpoint's path \(path.debugDescription) is not absolute; expected unix:///absolute/path.sock"
        case .tooLong(let path, let bytes):
            "the endpoint's path \(path.debugDescription) has \(bytes) bytes; a Unix socket's path has at most"
                + " \(Endpoint.maximumPathBytes)"
        case .missingSuffix(let path):
            "the endpoint's path \(path.debugDescription) does not end in .sock, as the CSI specification asks"
        case .notASocket(let path):
            "\(path) exists and is not a socket; it was left alone"
        case .inUse(let path, let pid):
            "\(path) is served by another process" + (pid.map { " (pid \($0))" } ?? "")
        case .directoryBusy(let path):
            "another process holds the lock on the directory of \(path)"
        case .alreadyUsed:
            "the server was bound or run before; make a new one"
        case .system(let operation, let path, let number):
            "\(operation) \(path): \(Syscall.message(for: number))"
        }
    }
}
