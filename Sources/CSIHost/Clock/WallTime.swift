/// A date: the time since the beginning of 1970 (UTC), without leap seconds.
public struct WallTime: Sendable, Hashable, Comparable {
    /// Whole seconds; negative before 1970.
    public var seconds: Int64

    /// The rest in nanoseconds, from 0 to 999,999,999.
    public var nanoseconds: Int32

    /// Creates a date.
    public init(seconds: Int64, nanoseconds: Int32 = 0) {
        self.seconds = seconds
        self.nanoseconds = nanoseconds
    }

    /// Whether one date is before another.
    public static func < (left: WallTime, right: WallTime) -> Bool {
        (left.seconds, left.nanoseconds) < (right.seconds, right.nanoseconds)
    }
}
