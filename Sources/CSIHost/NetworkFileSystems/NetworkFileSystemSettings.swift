/// How a host works with network file systems.
public struct NetworkFileSystemSettings: Sendable, Hashable {
    /// How long a call may make no progress before its helper process is killed.
    public var patience: Duration

    /// The same for calls that copy and remove trees, which would have to start over.
    public var copyPatience: Duration

    /// When `/sbin/mount.nfs` is used.
    public var mountHelper: MountHelperUse

    /// The most helper processes at a time for one server; more work waits.
    public var helpersPerServer: Int

    /// The program that runs as a helper: its path and the arguments that make it call ``NetworkHelper/serve()``.
    public var helper: [String]

    /// Creates settings.
    ///
    /// - Parameters:
    ///   - patience: see ``patience``.
    ///   - copyPatience: see ``copyPatience``.
    ///   - mountHelper: see ``mountHelper``.
    ///   - helpersPerServer: see ``helpersPerServer``.
    ///   - helper: see ``helper``; by default the program that runs now, with ``NetworkHelper/argument``.
    public init(
        patience: Duration = .seconds(20), copyPatience: Duration = .seconds(180), mountHelper: MountHelperUse = .auto,
        helpersPerServer: Int = 8, helper: [String] = ["/proc/self/exe", NetworkHelper.argument]
    ) {
        self.patience = patience
        self.copyPatience = copyPatience
        self.mountHelper = mountHelper
        self.helpersPerServer = max(1, helpersPerServer)
        self.helper = helper
    }
}
