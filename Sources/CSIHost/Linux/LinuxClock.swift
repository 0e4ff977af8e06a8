import CLinux
import Glibc

/// The clocks of the kernel.
struct LinuxClock: HostClock {
    var now: Duration { Self.read(CLOCK_BOOTTIME).duration }

    var wallTime: WallTime {
        let time = Self.read(CLOCK_REALTIME)
        return WallTime(seconds: Int64(time.tv_sec), nanoseconds: Int32(clamping: time.tv_nsec))
    }

    func sleep(for duration: Duration) async throws(CancellationError) {
        do {
            try await Task.sleep(for: duration, clock: .continuous)
        } catch {
            // It throws nothing else.
            throw CancellationError()
        }
    }

    /// Reads a clock; these exist on every kernel, so there is no failure to report.
    private static func read(_ clock: clockid_t) -> timespec {
        var time = timespec()
        _ = clock_gettime(clock, &time)
        return time
    }
}

extension timespec {
    fileprivate var duration: Duration {
        .seconds(Int64(tv_sec)) + .nanoseconds(Int64(tv_nsec))
    }
}
