/// How the file system on a block device is mounted.
public struct FileSystemMountOptions: Sendable, Hashable {
    /// Whether and how it may be written to.
    public enum Access: Sendable, Hashable {
        /// Reading and writing.
        case readWrite
        /// Reading; the kernel may still replay the journal, which writes to the device.
        case readOnly
        /// Reading without a single write to the device, the replay of the journal included: what was written last before a
        /// crash may be missing, and on XFS and ext4 the file system may look damaged.
        case readOnlyWithoutRecovery
    }

    /// The file system.
    public let kind: FileSystemKind

    /// Whether and how it may be written to.
    public var access: Access

    /// The restrictions of the mount; `readOnly` comes from ``access``.
    public var flags: BindOptions

    /// The options of the file system, checked against the list of what is allowed.
    public private(set) var options: [String]

    /// Whether the device may be a copy of another one that is mounted at the same time, so that both have one UUID (`nouuid`
    /// on XFS; the others need nothing).
    public var isCopy: Bool

    /// Creates options.
    public init(
        _ kind: FileSystemKind, access: Access = .readWrite, flags: BindOptions = [], isCopy: Bool = false
    ) {
        self.kind = kind
        self.access = access
        self.flags = flags
        self.isCopy = isCopy
        options = []
    }

    /// Creates options from the mount flags of a volume, such as `["noatime", "discard"]` or `["ro,nosuid"]`.
    ///
    /// Known are the flags of every mount and the options of the file system that cannot harm: nothing that names another
    /// device or a helper, and nothing that gives up safety for speed, such as `nobarrier`.
    ///
    /// - Throws: ``UnsupportedOption`` naming the first one that is not allowed.
    public init(
        _ kind: FileSystemKind, mountFlags: [String], access: Access = .readWrite, isCopy: Bool = false
    ) throws(UnsupportedOption) {
        self.init(kind, access: access, isCopy: isCopy)
        (flags, options) = try MountOptionRule.check(mountFlags, for: kind)
        if flags.contains(.readOnly), access == .readWrite { self.access = .readOnly }
        flags.remove(.readOnly)
    }
}

extension FileSystemMountOptions {
    /// The same options without those that give room back to the device: for devices that shall keep theirs.
    ///
    /// Btrfs is told not to discard, which it does by itself, and ext4 not to zero its tables in the background: a blank device has zeros
    /// there, and zeroing can give blocks back too.
    public func keepingRoom() -> FileSystemMountOptions {
        var kept = self
        kept.options.removeAll { word in ["discard", "init_itable"].contains(String(word.prefix { $0 != "=" })) }
        let word: String? =
            switch kind {
            case .btrfs: "nodiscard"
            case .ext4: "noinit_itable"
            case .ext3, .xfs: nil
            }
        if let word, !kept.options.contains(word) { kept.options.append(word) }
        return kept
    }

    /// The first option of the file system that a mount of it has and these options do not, or the other way round; nil when
    /// the kernel shows no difference.
    ///
    /// Only options are compared that the kernel shows if and only if they were asked for.
    public func difference(from mounted: MountEntry) -> String? {
        let telling = MountOptionRule.telling(kind)
        let asked = telling.intersection(options)
        let shown = telling.intersection(mounted.superOptions)
        return asked.symmetricDifference(shown).min()
    }
}
