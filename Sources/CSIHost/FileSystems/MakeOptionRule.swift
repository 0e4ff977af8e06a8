/// What a user may ask of mkfs.
enum MakeOptionRule {
    /// What follows an option letter.
    private indirect enum Argument {
        case none
        /// One plain word: a number, a size, a name.
        case word
        /// One of these words.
        case oneOf(Set<String>)
        /// A comma-separated list of `key` or `key=value`.
        case pairs(Set<String>)
        /// A comma-separated list of features, each of which may be preceded by `^`.
        case features(Set<String>)
    }

    private static let extended: [String: Argument] = [
        "-b": .word, "-C": .word, "-g": .word, "-G": .word, "-i": .word, "-I": .word, "-m": .word, "-N": .word,
        "-e": .oneOf(["continue", "remount-ro"]),
        "-E": .pairs([
            "assume_storage_prezeroed", "discard", "nodiscard", "encoding", "encoding_flags", "hash_seed",
            "lazy_itable_init", "lazy_journal_init", "num_backup_sb", "packed_meta_blocks", "quotatype", "resize",
            "root_owner", "stride", "stripe_width", "stripe-width",
        ]),
        "-J": .pairs(["size", "fast_commit_size"]),
        "-O": .features([
            "64bit", "bigalloc", "casefold", "dir_index", "dir_nlink", "ea_inode", "encrypt", "ext_attr", "extent",
            "extents", "extra_isize", "fast_commit", "filetype", "flex_bg", "has_journal", "huge_file", "inline_data",
            "large_dir", "large_file", "meta_bg", "metadata_csum", "metadata_csum_seed", "mmp", "none", "orphan_file",
            "project", "quota", "resize_inode", "sparse_super", "sparse_super2", "stable_inodes", "uninit_bg", "verity",
        ]),
        "-T": .oneOf(["default", "small", "big", "huge", "news", "largefile", "largefile4", "floppy"]),
    ]

    private static let xfs: [String: Argument] = [
        "-b": .pairs(["size", "log"]),
        "-d": .pairs([
            "agcount", "agsize", "concurrency", "cowextsize", "daxinherit", "extszinherit", "noalign", "projinherit",
            "rtinherit", "su", "sunit", "sw", "swidth",
        ]),
        "-i": .pairs(["attr", "exchange", "maxpct", "nrext64", "perblock", "projid32bit", "size", "sparse", "log"]),
        "-l": .pairs(["agnum", "concurrency", "internal", "lazy-count", "size", "su", "sunit", "version"]),
        "-m": .pairs([
            "autofsck", "bigtime", "crc", "finobt", "inobtcount", "metadir", "reflink", "rmapbt",
        ]),
        "-n": .pairs(["ftype", "log", "parent", "size", "version"]),
        "-s": .pairs(["log", "size"]),
        "-K": .none,
    ]

    private static let btrfs: [String: Argument] = {
        let profiles: Set<String> = ["single", "dup", "SINGLE", "DUP"]
        let features: Set<String> = [
            "block-group-tree", "extref", "free-space-tree", "mixed-bg", "no-holes", "quota",
            "skinny-metadata", "squota",
        ]
        let checksums: Set<String> = ["crc32c", "xxhash", "sha256", "blake2"]
        return [
            "-m": .oneOf(profiles), "--metadata": .oneOf(profiles), "-d": .oneOf(profiles), "--data": .oneOf(profiles),
            "-M": .none, "--mixed": .none, "-n": .word, "--nodesize": .word, "-s": .word, "--sectorsize": .word,
            "-O": .features(features), "--features": .features(features), "-R": .features(features),
            "--runtime-features": .features(features), "--csum": .oneOf(checksums), "--checksum": .oneOf(checksums),
            "-K": .none, "--nodiscard": .none,
        ]
    }()

    private static func rules(of kind: FileSystemKind) -> [String: Argument] {
        switch kind {
        case .ext3, .ext4: extended
        case .xfs: xfs
        case .btrfs: btrfs
        }
    }

    /// Splits a user's text into words for mkfs.
    static func check(_ text: String, for kind: FileSystemKind) throws(UnsupportedOption) -> [String] {
        let rules = rules(of: kind)
        var checked: [String] = []
        var words = text.split { $0 == " " || $0 == "\t" || $0 == "\n" }.map(String.init)[...]
        while let word = words.popFirst() {
            // `-m0` and `--csum=xxhash` are `-m 0` and `--csum xxhash`.
            let (flag, attached) = split(word)
            guard let rule = rules[flag] else {
                let allowed = rules.keys.sorted().joined(separator: " ")
                throw UnsupportedOption(word, "is not allowed for mkfs.\(kind); allowed are \(allowed)")
            }
            if case .none = rule {
                guard attached == nil else { throw UnsupportedOption(word, "takes no value") }
                checked.append(flag)
                continue
            }
            guard let argument = attached ?? words.popFirst() else { throw UnsupportedOption(word, "needs a value") }
            try check(argument, of: flag, rule, kind)
            if let earlier = checked.firstIndex(of: flag), joins(rule) {
                // Some mkfs take the last of several lists and forget the others.
                checked[earlier + 1] += ",\(argument)"
            } else {
                checked += [flag, argument]
            }
        }
        return checked
    }

    /// Whether several arguments of one flag are one list.
    private static func joins(_ rule: Argument) -> Bool {
        switch rule {
        case .pairs, .features: true
        default: false
        }
    }

    private static func split(_ word: String) -> (flag: String, attached: String?) {
        if word.hasPrefix("--") {
            let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            return (parts.first ?? word, parts.count > 1 ? parts[1] : nil)
        }
        let flag = String(word.prefix(2))
        return (flag, word.count > 2 ? String(word.dropFirst(2)) : nil)
    }

    private static func check(
        _ argument: String, of flag: String, _ rule: Argument, _ kind: FileSystemKind
    ) throws(UnsupportedOption) {
        let option = "\(flag) \(argument)"
        guard isPlain(argument) else { throw UnsupportedOption(option, "has characters that no option of mkfs needs") }
        let parts = argument.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
        switch rule {
        case .none, .word:
            guard parts.count == 1 else { throw UnsupportedOption(option, "takes one value") }
        case .oneOf(let words):
            guard words.contains(argument) else {
                throw UnsupportedOption(option, "is not one of \(words.sorted().joined(separator: ", "))")
            }
        case .pairs(let keys):
            for part in parts {
                let key = part.prefix { $0 != "=" }
                guard keys.contains(String(key)) else {
                    throw UnsupportedOption(
                        option,
                        "has the key \(key.debugDescription); allowed for mkfs.\(kind) \(flag) are "
                            + keys.sorted().joined(separator: ", "))
                }
            }
        case .features(let features):
            for part in parts {
                let name = part.hasPrefix("^") ? String(part.dropFirst()) : part
                guard features.contains(name) else {
                    throw UnsupportedOption(
                        option,
                        "has the feature \(name.debugDescription); allowed for mkfs.\(kind) are "
                            + features.sorted().joined(separator: ", "))
                }
            }
        }
    }

    /// Whether the text has only the characters of numbers, names and lists, and cannot be taken for another option.
    private static func isPlain(_ text: String) -> Bool {
        guard let first = text.utf8.first, first != UInt8(ascii: "-"), text.utf8.count <= 200 else { return false }
        return text.utf8.allSatisfy { (byte) in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"):
                true
            default: "_.,=^:%-".utf8.contains(byte)
            }
        }
    }
}
