/// What may be asked of an NFS mount.
///
/// A list of what is allowed, because the options go to the kernel as they are: nothing that names another address than the
/// server's, and nothing that this library decides itself.
enum NFSMountOptionRule {
    private enum Value {
        case none
        case number
        case words(Set<String>)
        case securityFlavors
        case address
    }

    private static let protocols: Value = .words(["tcp", "tcp6", "udp", "udp6", "rdma", "rdma6"])

    private static let known: [String: Value] = [
        "hard": .none, "soft": .none, "softerr": .none, "softreval": .none, "nosoftreval": .none, "ac": .none,
        "noac": .none, "cto": .none, "nocto": .none, "lock": .none, "nolock": .none, "acl": .none, "noacl": .none,
        "rdirplus": .none, "nordirplus": .none, "sharecache": .none, "nosharecache": .none, "resvport": .none,
        "noresvport": .none, "migration": .none, "nomigration": .none, "fsc": .none, "nofsc": .none, "tcp": .none,
        "udp": .none, "rdma": .none, "sync": .none, "dirsync": .none,
        "rsize": .number, "wsize": .number, "timeo": .number, "retrans": .number, "acregmin": .number,
        "acregmax": .number, "acdirmin": .number, "acdirmax": .number, "actimeo": .number, "port": .number,
        "mountport": .number, "namlen": .number, "nconnect": .number, "max_connect": .number,
        "trunkdiscovery": .none, "notrunkdiscovery": .none,
        "vers": .words(["3", "4", "4.0", "4.1", "4.2"]), "mountvers": .words(["3"]), "proto": protocols,
        "mountproto": .words(["tcp", "tcp6", "udp", "udp6"]), "sec": .securityFlavors,
        "xprtsec": .words(["none", "tls", "mtls"]), "lookupcache": .words(["all", "none", "pos", "positive"]),
        "local_lock": .words(["all", "flock", "posix", "none"]), "write": .words(["lazy", "eager", "wait"]),
        "clientaddr": .address,
    ]

    /// What changes nothing here: the default, or an instruction to somebody else than the kernel.
    private static let neutral: Set<String> = [
        "rw", "relatime", "defaults", "async", "fg", "intr", "nointr", "_netdev", "nofail", "suid", "dev", "exec",
    ]

    private static let securityFlavors: Set<String> = ["sys", "none", "krb5", "krb5i", "krb5p"]

    private static let exclusive: [Set<String>] = [
        ["hard", "soft", "softerr"], ["lock", "nolock"], ["ac", "noac"], ["cto", "nocto"],
        ["sharecache", "nosharecache"], ["acl", "noacl"], ["fsc", "nofsc"], ["rdirplus", "nordirplus"],
        ["resvport", "noresvport"], ["softreval", "nosoftreval"], ["migration", "nomigration"],
        ["trunkdiscovery", "notrunkdiscovery"], ["tcp", "udp", "rdma"],
    ]

    static func check(_ mountFlags: [String]) throws(UnsupportedOption) -> NFSMountOptions {
        var flags: BindOptions = []
        var values: [String: String] = [:]
        for word in mountFlags.flatMap({ $0.split(separator: ",").map(String.init) }) where !neutral.contains(word) {
            if let flag = BindOptions.names.first(where: { $0.name == word }) {
                flags.insert(flag.option)
                continue
            }
            let (name, normal) = try checked(word)
            values[name] = normal
        }
        guard !flags.isSuperset(of: [.noAccessTime, .strictAccessTime]) else {
            throw UnsupportedOption("noatime,strictatime", "contradicts itself")
        }
        for group in exclusive {
            let given = group.filter { values[$0] != nil }.sorted()
            guard given.count < 2 else {
                throw UnsupportedOption(given.joined(separator: ","), "contradicts itself: give one of them")
            }
        }
        try checkTogether(values)
        return NFSMountOptions(flags: flags, options: values.values.sorted())
    }

    /// Checks one option.
    /// - Returns: Its name and how it is given to the kernel.
    private static func checked(_ word: String) throws(UnsupportedOption) -> (name: String, word: String) {
        let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        var name = parts.first ?? ""
        if name == "nfsvers" { name = "vers" }
        let value = parts.count > 1 ? parts[1] : nil
        guard let rule = known[name] else {
            throw UnsupportedOption(word, "is not allowed for an NFS mount; \(advice(on: name))")
        }
        let isAllowed =
            switch (rule, value) {
            case (.none, nil): true
            case (.number, let value?):
                (1...9).contains(value.utf8.count) && value.utf8.allSatisfy { (0x30...0x39).contains($0) }
            case (.words(let words), let value?): words.contains(value)
            case (.securityFlavors, let value?): securityFlavors.contains(value)
            case (.address, let value?):
                !value.isEmpty && value.utf8.count <= 45
                    && value.allSatisfy { $0.isASCII && ($0.isHexDigit || $0 == "." || $0 == ":") }
            default: false
            }
        guard isAllowed else { throw UnsupportedOption(word, "has a value that cannot be used; \(choice(rule))") }
        return (name, value.map { "\(name)=\($0)" } ?? name)
    }

    private static func checkTogether(_ values: [String: String]) throws(UnsupportedOption) {
        let version = values["vers"].map { String($0.dropFirst("vers=".utf8.count)) }
        if let version, version != "3", values["nolock"] != nil {
            throw UnsupportedOption("nolock", "is for NFS 3; NFS 4 always locks at the server")
        }
        if version == "3", let value = values["xprtsec"], value != "xprtsec=none", values["proto"] == "proto=udp" {
            throw UnsupportedOption(value, "needs TCP")
        }
        let usesDatagrams = values["udp"] != nil || values["proto"]?.hasPrefix("proto=udp") == true
        if let version, version != "3", usesDatagrams {
            throw UnsupportedOption("proto=udp", "is for NFS 3; NFS 4 needs TCP or RDMA")
        }
    }

    private static func choice(_ rule: Value) -> String {
        switch rule {
        case .none: "it takes no value"
        case .number: "it takes a number"
        case .words(let words): "it takes one of \(words.sorted().joined(separator: ", "))"
        case .securityFlavors: "it takes one of \(securityFlavors.sorted().joined(separator: ", "))"
        case .address: "it takes an IP address"
        }
    }

    private static func advice(on name: String) -> String {
        switch name {
        case "addr", "mountaddr", "mounthost": "the driver resolves the server's name itself"
        case "bg", "retry": "the caller of the driver tries again"
        case "bind", "remount", "move": "it is no option of a new mount"
        default: "allowed are \(known.keys.sorted().joined(separator: ", ")) and the flags of every mount"
        }
    }
}
