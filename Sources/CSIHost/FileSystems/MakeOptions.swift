/// How a file system is made.
public struct MakeOptions: Sendable, Hashable {
    /// The label; nil for none.
    ///
    /// At most 12 bytes on XFS, 16 on ext3 and ext4, 255 on Btrfs.
    public var label: String?

    /// The UUID in its usual form; nil for a random one.
    public var uuid: String?

    /// Whether mkfs tells the device first that nothing is used.
    ///
    /// A blank device has nothing to give back, and an image whose blocks were allocated on purpose would lose them.
    public var discardsFirst = false

    /// The logical sector size of the device that an image file will be attached as; nil for a device, which says it itself.
    ///
    /// A file system with smaller sectors or blocks than its device cannot be mounted.
    public var sectorSize: LoopOptions.SectorSize?

    /// The words for mkfs, checked against the list of what is allowed.
    public private(set) var arguments: [String]

    /// Creates options without words for mkfs.
    public init(label: String? = nil, uuid: String? = nil) {
        self.label = label
        self.uuid = uuid
        arguments = []
    }

    /// Whether the words for mkfs say how large sectors or blocks are: what fits a device only the device can tell then.
    public var setsBlockSize: Bool { arguments.contains { ["-b", "-s", "--sectorsize"].contains($0) } }

    /// Creates options from what a user wrote, for example `-m 0 -E lazy_itable_init=1`.
    ///
    /// Only options that shape the file system are allowed: nothing that forces, names a file or another device, limits the
    /// size, or sets what ``label`` and ``uuid`` are for. The text is split at white space, without a shell's quoting.
    ///
    /// - Throws: ``UnsupportedOption`` naming the first word that is not allowed.
    public init(
        _ kind: FileSystemKind, parsing text: String, label: String? = nil, uuid: String? = nil
    ) throws(UnsupportedOption) {
        self.init(label: label, uuid: uuid)
        arguments = try MakeOptionRule.check(text, for: kind)
    }
}
