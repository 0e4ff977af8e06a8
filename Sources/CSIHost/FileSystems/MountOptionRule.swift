/// What a volume's mount flags may ask of a file system.
///
/// A list of what is allowed, because the kernel takes options that open other devices, run helpers or give up safety, and
/// learns new ones with every version.
package enum MountOptionRule {
    /// What an option may be followed by.
    private enum Value {
        case none
        case number
        case words([String])
        /// With or without a value.
        case optional([String])
    }

    private static let forAll: [String: Value] = [
        "sync": .none, "async": .none, "dirsync": .none, "lazytime": .none, "nolazytime": .none,
    ]

    private static let extended: [String: Value] = [
        "acl": .none, "noacl": .none, "user_xattr": .none, "nouser_xattr": .none, "discard": .none,
        "nodiscard": .none, "errors": .words(["continue", "remount-ro"]), "data": .words(["journal", "ordered"]),
        "commit": .number, "stripe": .number, "delalloc": .none, "nodelalloc": .none, "init_itable": .optional([]),
        "noinit_itable": .none, "i_version": .none, "grpid": .none, "nogrpid": .none, "bsdgroups": .none,
        "sysvgroups": .none, "resuid": .number, "resgid": .number, "quota": .none, "noquota": .none,
        "usrquota": .none, "grpquota": .none, "prjquota": .none, "journal_checksum": .none, "barrier": .optional(["1"]),
        "auto_da_alloc": .optional(["1"]), "dioread_lock": .none, "dioread_nolock": .none, "max_dir_size_kb": .number,
        "inode_readahead_blks": .number, "block_validity": .none, "min_batch_time": .number, "max_batch_time": .number,
    ]

    private static let xfs: [String: Value] = [
        "allocsize": .number, "discard": .none, "nodiscard": .none, "grpid": .none, "nogrpid": .none,
        "bsdgroups": .none, "sysvgroups": .none, "inode32": .none, "inode64": .none, "largeio": .none,
        "nolargeio": .none, "logbufs": .number, "logbsize": .number, "noalign": .none, "swalloc": .none,
        "sunit": .number, "swidth": .number, "noquota": .none, "quota": .none, "usrquota": .none, "uquota": .none,
        "uqnoenforce": .none, "grpquota": .none, "gquota": .none, "gqnoenforce": .none, "prjquota": .none,
        "pquota": .none, "pqnoenforce": .none, "wsync": .none, "nouuid": .none,
    ]

    private static let btrfs: [String: Value] = [
        "acl": .none, "noacl": .none, "autodefrag": .none, "noautodefrag": .none, "barrier": .none,
        "commit": .number, "compress": .optional(compressions), "compress-force": .optional(compressions),
        "datacow": .none, "nodatacow": .none, "datasum": .none, "nodatasum": .none,
        "discard": .optional(["sync", "async"]), "nodiscard": .none, "flushoncommit": .none,
        "noflushoncommit": .none, "max_inline": .number, "metadata_ratio": .number,
        "space_cache": .optional(["v1", "v2"]), "ssd": .none, "nossd": .none, "ssd_spread": .none,
        "nossd_spread": .none, "thread_pool": .number, "user_subvol_rm_allowed": .none,
    ]

    private static let compressions =
        ["no", "none", "lzo", "zlib", "zstd"] + (1...9).map { "zlib:\($0)" } + (1...15).map { "zstd:\($0)" }

    /// Flags that ask for what a mount does anyway.
    private static let neutral: Set<String> = [
        "", "rw", "defaults", "relatime", "suid", "dev", "exec", "atime", "diratime", "symfollow",
    ]

    /// How the file systems call a mount that does not replay the journal.
    package static func withoutRecovery(_ kind: FileSystemKind) -> String {
        switch kind {
        case .ext3, .ext4: "noload"
        case .xfs: "norecovery"
        case .btrfs: "rescue=nologreplay"
        }
    }

    /// What the kernel shows of a mounted file system exactly when it was asked for: nothing that can be a default, or that it
    /// writes in another way.
    static func telling(_ kind: FileSystemKind) -> Set<String> {
        let own: [String] =
            switch kind {
            case .ext3, .ext4: ["discard", "nodelalloc", "data=journal", "grpid"]
            case .xfs: ["discard", "wsync", "inode32", "largeio", "grpid"]
            case .btrfs: ["autodefrag", "nodatacow", "flushoncommit", "user_subvol_rm_allowed"]
            }
        return Set(own + ["sync", "dirsync"])
    }

    /// Splits mount flags into those of the mount and those of the file system.
    static func check(
        _ mountFlags: [String], for kind: FileSystemKind
    ) throws(UnsupportedOption) -> (flags: BindOptions, options: [String]) {
        var flags: BindOptions = []
        var options: [String] = []
        for word in mountFlags.flatMap({ $0.split(separator: ",").map(String.init) }) where !neutral.contains(word) {
            if let known = BindOptions.names.first(where: { $0.name == word }) {
                flags.insert(known.option)
                continue
            }
            try check(word, for: kind)
            if !options.contains(word) { options.append(word) }
        }
        guard !flags.isSuperset(of: [.noAccessTime, .strictAccessTime]) else {
            throw UnsupportedOption("noatime,strictatime", "contradicts itself")
        }
        return (flags, options)
    }

    private static func check(_ word: String, for kind: FileSystemKind) throws(UnsupportedOption) {
        let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        let (name, value) = (parts.first ?? "", parts.count > 1 ? parts[1] : nil)
        guard let rule = forAll[name] ?? rules(of: kind)[name] else {
            throw UnsupportedOption(word, "is not allowed for a mount of \(kind); \(advice(on: name, kind))")
        }
        let isAllowed =
            switch (rule, value) {
            case (.none, nil), (.optional, nil): true
            case (.number, let value?): isNumber(value)
            case (.words(let words), let value?), (.optional(let words), let value?): words.contains(value)
            default: false
            }
        guard isAllowed else { throw UnsupportedOption(word, "has a value that is not allowed for \(name) of \(kind)") }
    }

    private static func rules(of kind: FileSystemKind) -> [String: Value] {
        switch kind {
        case .ext3, .ext4: extended
        case .xfs: xfs
        case .btrfs: btrfs
        }
    }

    private static func advice(on name: String, _ kind: FileSystemKind) -> String {
        switch name {
        case "noload", "norecovery", "rescue", "nologreplay": "mounting without recovery is not a mount flag"
        case "loop", "offset", "sizelimit": "the driver attaches loop devices itself"
        default: "allowed are \((Array(forAll.keys) + Array(rules(of: kind).keys)).sorted().joined(separator: ", "))"
        }
    }

    /// Whether the text is a number as mount options have them: digits, perhaps with a unit.
    private static func isNumber(_ text: String) -> Bool {
        let digits = text.utf8.prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
        let unit = text.utf8.dropFirst(digits.count)
        return (1...18).contains(digits.count) && (unit.isEmpty || ["k", "m", "g"].contains(String(unit).lowercased()))
    }
}

extension String {
    /// The text of some of its own bytes.
    fileprivate init(_ bytes: Substring.UTF8View) {
        self.init(decoding: bytes, as: UTF8.self)
    }
}
