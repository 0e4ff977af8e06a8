import CSIProto
import Glibc

/// A moment in UTC: seconds since 1970 and nanoseconds.
public struct Timestamp: Sendable, Hashable, Comparable {
    /// Whole seconds since 1970-01-01T00:00:00Z.
    public let seconds: Int64

    /// Nanoseconds after ``seconds``, 0 to 999,999,999.
    public let nanoseconds: Int32

    /// Creates a moment; nanoseconds beyond a second are cut off.
    public init(seconds: Int64, nanoseconds: Int32 = 0) {
        self.seconds = seconds
        self.nanoseconds = min(max(nanoseconds, 0), 999_999_999)
    }

    /// The present moment of the system's clock.
    public static var now: Timestamp {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Timestamp(seconds: Int64(time.tv_sec), nanoseconds: Int32(truncatingIfNeeded: time.tv_nsec))
    }

    /// Orders moments by time.
    public static func < (left: Timestamp, right: Timestamp) -> Bool {
        (left.seconds, left.nanoseconds) < (right.seconds, right.nanoseconds)
    }

    var wire: GoogleProtobuf.Timestamp { .init(seconds: seconds, nanos: nanoseconds) }
}
