/// The id of a volume: opaque to callers, 1 to 128 bytes without the control characters that the specification bans.
///
/// An id from the wire may be anything that a caller made up. Before it becomes a part of a path, ask for
/// ``pathComponent``, which is nil for every id that could leave a directory.
public struct VolumeID: Sendable, Hashable, Comparable, CustomStringConvertible {
    /// The id as it goes over the wire.
    public let rawValue: String

    /// Checks an id.
    /// - Throws: INVALID_ARGUMENT naming `field` when the id is empty, too long or has banned control characters.
    public init(_ rawValue: String, field: String = "volume_id") throws(CSIError) {
        self.rawValue = try WireText.required(rawValue, field)
    }

    /// The id that belongs to a name: the same name always gives the same id, so that a retried create finds what the
    /// first attempt made.
    ///
    /// A name of at most 63 lower-case letters, digits and inner hyphens, as Kubernetes' provisioner makes them, is its
    /// own id; any other becomes `vol-` and the first 128 bits of its SHA-256 in hexadecimal.
    public init(derivedFrom name: VolumeName) {
        if Self.isPlain(name.rawValue) {
            rawValue = name.rawValue
        } else {
            rawValue = Self.derivedPrefix + SHA256.hexDigest(of: name.rawValue.utf8, bytes: 16)
        }
    }

    /// The id as the name of a file or directory, or nil when it could not have been made by
    /// ``init(derivedFrom:)`` and may hold separators, dots or anything else.
    public var pathComponent: String? {
        Self.isPlain(rawValue) || isDerived ? rawValue : nil
    }

    /// The id itself.
    public var description: String { rawValue }

    /// Orders ids by their bytes.
    public static func < (left: VolumeID, right: VolumeID) -> Bool {
        left.rawValue.utf8.lexicographicallyPrecedes(right.rawValue.utf8)
    }

    private static let derivedPrefix = "vol-"

    private var isDerived: Bool {
        let bytes = rawValue.utf8
        return rawValue.hasPrefix(Self.derivedPrefix) && bytes.count == 36
            && bytes.dropFirst(4).allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
    }

    /// Names under the derived prefix are never plain: they would collide with a digest.
    private static func isPlain(_ text: String) -> Bool {
        let bytes = text.utf8
        guard (1...63).contains(bytes.count), !text.hasPrefix(derivedPrefix) else { return false }
        guard bytes.first != 0x2D, bytes.last != 0x2D else { return false }
        return bytes.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x7A).contains($0) || $0 == 0x2D }
    }
}
