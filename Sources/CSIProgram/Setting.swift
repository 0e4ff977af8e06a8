/// One thing that an operator sets, by a flag or by an environment variable; the flag wins.
public struct Setting: Sendable, Hashable {
    /// The flag, for example `--node-id`.
    public let flag: String

    /// The variable, for example `SCRATCH_NODE_ID`.
    public let variable: String

    /// What the setting is for, in one sentence.
    public let help: String

    /// Creates a setting.
    /// - Parameters:
    ///   - flag: The flag, with its hyphens; empty for what must not be on a command line, which everybody can read.
    ///   - variable: The environment variable; the specification keeps names that begin with `CSI_` for itself.
    ///   - help: What the setting is for, in one sentence.
    public init(flag: String, variable: String, help: String = "") {
        self.flag = flag
        self.variable = variable
        self.help = help
    }

    /// The socket to serve on: the one variable that the specification names.
    public static let endpoint = Setting(
        flag: "--endpoint", variable: "CSI_ENDPOINT",
        help: "The Unix socket to serve on, for example unix:///csi/csi.sock.")

    /// How a message names the setting.
    public var name: String { flag.isEmpty ? variable : "\(flag) (or \(variable))" }
}
