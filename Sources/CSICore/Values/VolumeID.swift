import Synchronization

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
        self.rawValue = try WireText.required(rawValue, field, limit: WireText.idLimit.load(ordering: .relaxed))
    }

    /// The id that belongs to a name: the same name always gives the same id, so that a retried create finds what the
    /// first attempt made.
    ///
    /// A name of at most 63 lower-case letters, digits and inner hyphens, as Kubernetes' provisioner makes them, is its
    /// own id; any other becomes `vol-` and the first 128 bits of its SHA-256 in hexadecimal.
    public init(derivedFrom name: VolumeName) {
        rawValue = DerivedID.volume.id(for: name.rawValue)
    }

    /// The id as the name of a file or directory, or nil when it could not have been made by
    /// ``init(derivedFrom:)`` and may hold separators, dots or anything else.
    public var pathComponent: String? {
        DerivedID.volume.isOwn(rawValue) ? rawValue : nil
    }

    /// The id itself.
    public var description: String { rawValue }

    /// Orders ids by their bytes.
    public static func < (left: VolumeID, right: VolumeID) -> Bool {
        left.rawValue.utf8.lexicographicallyPrecedes(right.rawValue.utf8)
    }
}
