/// What growing a file system did.
public struct GrowOutcome: Sendable, Hashable {
    /// Its size before, in bytes.
    public var before: Int64

    /// Its size now, in bytes.
    public var after: Int64

    /// Whether it is larger now.
    public var hasGrown: Bool { after > before }

    /// Creates an outcome.
    public init(before: Int64, after: Int64) {
        self.before = before
        self.after = after
    }
}
