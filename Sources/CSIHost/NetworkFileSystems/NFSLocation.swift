public import SystemPackage

/// An export of an NFS server, or a directory below one: what `mount` calls `server:/path`.
public struct NFSLocation: Sendable, Hashable, CustomStringConvertible {
    /// The server: a name, an IPv4 address or an IPv6 address without brackets.
    public let server: String

    /// The path on the server, absolute and without `..`.
    public let path: FilePath

    /// Checks a location.
    ///
    /// - Parameters:
    ///   - server: a host name of letters, digits, `-`, `_` and `.`, an IPv4 address, or an IPv6 address with or without
    ///     brackets, which may end in a zone such as `%eth0`.
    ///   - path: an absolute path without `..`, control characters and doubled names.
    /// - Throws: ``InvalidNFSLocation`` naming the part and the reason.
    public init(server: String, path: FilePath) throws(InvalidNFSLocation) {
        self.server = try Self.checkedServer(server)
        guard path.isAbsolute else { throw InvalidNFSLocation(.path, "must begin with \"/\", and is \"\(path)\"") }
        guard path.length <= Self.longestPath else {
            throw InvalidNFSLocation(.path, "has \(path.length) bytes, the limit is \(Self.longestPath)")
        }
        var names: [FilePath.Component] = []
        for component in path.components {
            switch component.kind {
            case .regular: names.append(component)
            case .currentDirectory: continue
            case .parentDirectory: throw InvalidNFSLocation(.path, "must not contain \"..\", and is \"\(path)\"")
            }
        }
        if path.string.unicodeScalars.contains(where: { $0.value < 0x20 || (0x7F...0x9F).contains($0.value) }) {
            throw InvalidNFSLocation(.path, "must not contain line ends or other control characters")
        }
        self.path = FilePath(root: "/", names)
    }

    private init(checked server: String, path: FilePath) {
        self.server = server
        self.path = path
    }

    /// The same server with a path below this one.
    ///
    /// - Parameter path: a relative path without `..`.
    public func appending(_ path: FilePath) -> NFSLocation {
        NFSLocation(checked: server, path: self.path.pushing(path))
    }

    /// What the kernel's mount table shows as the source, for example `[fd00::1]:/export`.
    public var description: String {
        "\(server.contains(":") ? "[\(server)]" : server):\(path.string)"
    }

    private static let longestPath = 1024

    private static func checkedServer(_ text: String) throws(InvalidNFSLocation) -> String {
        var server = text
        let isBracketed = server.hasPrefix("[") && server.hasSuffix("]")
        if isBracketed { server = String(server.dropFirst().dropLast()) }
        guard !server.isEmpty else { throw InvalidNFSLocation(.server, "is empty") }
        guard server.utf8.count <= 253 else { throw InvalidNFSLocation(.server, "is longer than 253 bytes") }
        if isBracketed || server.contains(":") {
            guard isIPv6(server) else { throw InvalidNFSLocation(.server, "\"\(text)\" is not an IPv6 address") }
            return server
        }
        let isName = server.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"):
                true
            default: false
            }
        }
        guard isName, !server.hasPrefix("-"), !server.hasPrefix("."), !server.contains("..") else {
            throw InvalidNFSLocation(
                .server,
                "\"\(printable(text))\" is neither a host name nor an address; a host name has letters, "
                    + "digits, \"-\", \"_\" and \".\" only")
        }
        return server
    }

    /// Whether a text can be an IPv6 address; the resolver has the last word.
    private static func isIPv6(_ text: String) -> Bool {
        let parts = text.split(separator: "%", maxSplits: 1, omittingEmptySubsequences: false)
        guard let address = parts.first, address.contains(":"), address.utf8.count <= 45 else { return false }
        let hasValidZone =
            parts.count == 1
            || !parts[1].isEmpty && parts[1].utf8.count <= 15
                && parts[1].allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "-_.".contains($0)) }
        return hasValidZone && address.allSatisfy { $0.isASCII && ($0.isHexDigit || $0 == ":" || $0 == ".") }
    }

    private static func printable(_ text: String) -> String {
        String(text.prefix(80).map { $0.isNewline || $0.asciiValue.map { $0 < 0x20 } == true ? "?" : $0 })
    }
}

/// Why a text is no location of an NFS export.
public struct InvalidNFSLocation: Error, Sendable, Hashable, CustomStringConvertible {
    /// A part of a location.
    public enum Part: String, Sendable, Hashable {
        /// The host.
        case server
        /// The path of the export.
        case path
    }

    /// The part that cannot be used.
    public let part: Part

    /// Why, to follow the name of the part.
    public let reason: String

    init(_ part: Part, _ reason: String) {
        self.part = part
        self.reason = reason
    }

    /// One line: the part and the reason.
    public var description: String { "\(part.rawValue) \(reason)" }
}
