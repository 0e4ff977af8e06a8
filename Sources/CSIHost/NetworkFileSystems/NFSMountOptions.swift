/// How an NFS export is mounted.
public struct NFSMountOptions: Sendable, Hashable {
    /// The restrictions of the mount, such as `noexec`; whether it is read-only too.
    public var flags: BindOptions

    /// The options of the NFS client, checked against the list of what is allowed, each once and in a fixed order.
    public private(set) var options: [String]

    /// The options of every mount: reading and writing, the version negotiated.
    public init() {
        flags = []
        options = []
    }

    /// Creates options from mount flags, such as `["nfsvers=4.1", "hard,noatime"]`.
    ///
    /// `nfsvers` is another name of `vers`. Options that ask for what happens anyway (`rw`, `fg`, `_netdev`, `intr`) are
    /// accepted and dropped. Of an option that is given twice, the last one counts, as for mount(8).
    ///
    /// - Throws: ``UnsupportedOption`` naming the first one that is not allowed, or two that exclude each other.
    public init(mountFlags: [String]) throws(UnsupportedOption) {
        self = try NFSMountOptionRule.check(mountFlags)
    }

    init(flags: BindOptions, options: [String]) {
        self.flags = flags
        self.options = options
    }

    /// The protocol version that is asked for, such as `4.2` or `3`; nil to take the newest that the server has.
    public var version: String? { value(of: "vers") }

    /// The same options for a mount that the driver works in: it can write, whatever pods may do.
    public var forDriver: NFSMountOptions { NFSMountOptions(flags: [], options: options) }

    /// The value of an option that has one; nil when it is not given.
    public func value(of name: String) -> String? {
        options.first { $0.hasPrefix(name + "=") }.map { String($0.dropFirst(name.utf8.count + 1)) }
    }

    /// The same options with the version set.
    func with(version: String) -> NFSMountOptions {
        NFSMountOptions(flags: flags, options: options.filter { !$0.hasPrefix("vers=") } + ["vers=\(version)"])
    }

    /// The options as mount(8) takes them, without the restrictions of the mount; empty when there are none.
    public var text: String { options.joined(separator: ",") }
}
