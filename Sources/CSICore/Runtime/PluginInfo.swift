/// The name and version that a driver shows to callers.
public struct PluginInfo: Sendable, Hashable {
    /// The driver's name in domain form, for example `hostpath.swift-csi.dev`; at most 63 bytes, beginning and ending
    /// with a letter.
    public let name: String

    /// The driver's version, free text.
    public let version: String

    /// Anything else worth knowing, shown to operators.
    public let manifest: [String: String]

    /// Checks a name and a version.
    /// - Throws: INVALID_ARGUMENT saying what a name must look like.
    public init(name: String, version: String, manifest: [String: String] = [:]) throws(CSIError) {
        guard Self.isValid(name) else {
            throw .invalid(
                "driver name",
                "must be 1 to 63 letters, digits, dots, hyphens and underscores that begin and end with a letter, and is \"\(name)\""
            )
        }
        guard !version.isEmpty else { throw .missing("driver version") }
        self.name = name
        self.version = version
        self.manifest = manifest
    }

    /// The public conformance suite wants a letter at both ends, which is narrower than the specification.
    private static func isValid(_ name: String) -> Bool {
        let bytes = Array(name.utf8)
        guard (1...63).contains(bytes.count), let first = bytes.first, let last = bytes.last else { return false }
        guard isLetter(first), isLetter(last) else { return false }
        return bytes.allSatisfy {
            isLetter($0) || (0x30...0x39).contains($0) || $0 == 0x2D || $0 == 0x2E || $0 == 0x5F
        }
    }

    private static func isLetter(_ byte: UInt8) -> Bool {
        (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
    }
}
