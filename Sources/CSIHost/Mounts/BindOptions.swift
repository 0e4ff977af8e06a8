/// The per-mount restrictions of a bind mount.
///
/// An option that is not in the set is inherited from the mount that the source lies in: binding without `.noExec` from a
/// `noexec` mount stays `noexec`.
public struct BindOptions: OptionSet, Sendable, Hashable, CustomStringConvertible {
    /// One bit per option; the values are private to this library.
    public let rawValue: UInt16

    /// Creates options from their bits.
    public init(rawValue: UInt16) {
        self.rawValue = rawValue
    }

    /// Refuses writing (`ro`).
    public static let readOnly = BindOptions(rawValue: 1 << 0)
    /// Ignores set-user-ID and set-group-ID bits and file capabilities (`nosuid`).
    public static let noSetUserID = BindOptions(rawValue: 1 << 1)
    /// Refuses access through device nodes (`nodev`).
    public static let noDevices = BindOptions(rawValue: 1 << 2)
    /// Refuses executing programs (`noexec`).
    public static let noExec = BindOptions(rawValue: 1 << 3)
    /// Never updates access times (`noatime`); at most one of this and ``strictAccessTime``.
    public static let noAccessTime = BindOptions(rawValue: 1 << 4)
    /// Never updates access times of directories (`nodiratime`).
    public static let noDirectoryAccessTime = BindOptions(rawValue: 1 << 5)
    /// Updates access times on every access (`strictatime`).
    public static let strictAccessTime = BindOptions(rawValue: 1 << 6)
    /// Refuses to follow symbolic links inside the mount (`nosymfollow`).
    public static let noSymbolicLinks = BindOptions(rawValue: 1 << 7)

    /// Each option with the name that mount(8) and the kernel's mount table use.
    static let names: [(option: BindOptions, name: String)] = [
        (.readOnly, "ro"), (.noSetUserID, "nosuid"), (.noDevices, "nodev"), (.noExec, "noexec"),
        (.noAccessTime, "noatime"), (.noDirectoryAccessTime, "nodiratime"), (.strictAccessTime, "strictatime"),
        (.noSymbolicLinks, "nosymfollow"),
    ]

    /// Flags that ask for what a bind mount does anyway when nothing restricts it.
    private static let neutral: Set<String> = ["rw", "bind", "relatime", "defaults"]

    /// Creates options from the mount flags of a volume, such as `["ro", "noexec"]` or `["ro,noexec"]`.
    ///
    /// `rw`, `relatime`, `bind` and `defaults` are accepted and ask for nothing.
    ///
    /// - Throws: ``UnknownMountFlag`` naming the first flag that a bind mount does not have.
    public init(mountFlags: [String]) throws(UnknownMountFlag) {
        var options: BindOptions = []
        for flag in mountFlags.flatMap({ $0.split(separator: ",").map(String.init) }) {
            if let known = Self.names.first(where: { $0.name == flag }) {
                options.insert(known.option)
            } else if !Self.neutral.contains(flag) {
                throw UnknownMountFlag(flag: flag)
            }
        }
        guard !options.isSuperset(of: [.noAccessTime, .strictAccessTime]) else {
            throw UnknownMountFlag(flag: "noatime,strictatime")
        }
        self = options
    }

    /// Creates options from the option words of a mount table line; words that are no bind option are left out.
    ///
    init(mountTableOptions words: [String]) {
        self = Self.names.reduce(into: []) { options, known in
            if words.contains(known.name) { options.insert(known.option) }
        }
        // The kernel prints the two restricted ways and leaves the third one out.
        if !words.contains("noatime"), !words.contains("relatime") { insert(.strictAccessTime) }
    }

    /// The names of the options in a fixed order, such as `["ro", "noexec"]`.
    public var mountFlags: [String] {
        Self.names.filter { contains($0.option) }.map(\.name)
    }

    /// The names joined by commas, or `none`.
    public var description: String {
        isEmpty ? "none" : mountFlags.joined(separator: ",")
    }
}

/// A mount flag that a bind mount does not have, or a pair that excludes each other.
public struct UnknownMountFlag: Error, Sendable, Hashable, CustomStringConvertible {
    /// The flag as it was given.
    public let flag: String

    /// Creates the error.
    public init(flag: String) {
        self.flag = flag
    }

    /// One line that names the flag and the known ones.
    public var description: String {
        let known = BindOptions.names.map(\.name).joined(separator: ", ")
        return "mount flag \(flag.debugDescription) is not supported for a bind mount; supported are \(known)"
    }
}
