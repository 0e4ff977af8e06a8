import Synchronization

/// The id of a snapshot: opaque to callers, 1 to 128 bytes without control characters.
public struct SnapshotID: Sendable, Hashable, Comparable, CustomStringConvertible {
    /// The id as it goes over the wire.
    public let rawValue: String

    /// Checks an id.
    /// - Throws: INVALID_ARGUMENT naming `field` when the id is empty, too long or has control characters.
    public init(_ rawValue: String, field: String = "snapshot_id") throws(CSIError) {
        self.rawValue = try WireText.required(rawValue, field, limit: WireText.idLimit.load(ordering: .relaxed))
    }

    /// The id that belongs to a name: the same name always gives the same id.
    ///
    /// A name of at most 63 lower-case letters, digits and inner hyphens is its own id; any other becomes `snap-` and
    /// the first 128 bits of its SHA-256 in hexadecimal.
    public init(derivedFrom name: SnapshotName) {
        rawValue = DerivedID.snapshot.id(for: name.rawValue)
    }

    /// The id as the name of a file or directory, or nil when it could not have been made by ``init(derivedFrom:)``.
    public var pathComponent: String? {
        DerivedID.snapshot.isOwn(rawValue) ? rawValue : nil
    }

    /// The id itself.
    public var description: String { rawValue }

    /// Orders ids by their bytes.
    public static func < (left: SnapshotID, right: SnapshotID) -> Bool {
        left.rawValue.utf8.lexicographicallyPrecedes(right.rawValue.utf8)
    }
}
