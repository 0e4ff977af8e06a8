/// What an unmount did.
public struct UnmountOutcome: Sendable, Hashable {
    /// How many stacked mounts were removed; 0 when none was there.
    public var removed: Int

    /// Whether at least one of them was detached lazily, so that processes may still use its file system.
    public var detached: Bool

    /// Creates an outcome.
    public init(removed: Int, detached: Bool) {
        self.removed = removed
        self.detached = detached
    }
}
