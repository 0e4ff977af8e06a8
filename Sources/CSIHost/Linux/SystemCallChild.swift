import CLinux
import Glibc
import SystemPackage

/// A child process that makes one system call which may never return, so that it costs a process and no thread.
enum SystemCallChild {
    /// How a child ended.
    enum Ending: Equatable {
        /// With the error number of its system call, nil for success.
        case ended(Errno?)
        /// Not in time; it was killed and left behind.
        case hung
    }

    /// Waits for a child.
    ///
    /// - Parameter spawn: starts it and returns its pidfd.
    static func run(
        within limit: Duration, _ site: CallSite, spawn: () -> Int
    ) throws(HostError) -> Ending {
        AbandonedChildren.collect()
        let number = try site.check(detail: "no child process could be started for it", spawn)
        let child = OwnedDescriptor(adopting: CInt(truncatingIfNeeded: number))
        // A child that could end at once gets a moment even when the deadline has passed.
        let deadline = ContinuousClock.now + max(limit, .milliseconds(20))
        let rawChild = child.raw
        while true {
            let left = ContinuousClock.now.duration(to: deadline)
            guard left > .zero else { break }
            let ready = try site.check { clinux_wait_for_exit(rawChild, left.pollMilliseconds) }
            guard ready > 0 else { continue }
            return ending(of: child)
        }
        _ = clinux_kill(rawChild)
        AbandonedChildren.append(child)
        return .hung
    }

    private static func ending(of child: borrowing OwnedDescriptor) -> Ending {
        switch clinux_reap(child.raw) {
        case 0: return .ended(nil)
        case let status where status > 0: return .ended(Errno(rawValue: CInt(truncatingIfNeeded: status)))
        // A signal from outside ended it; what it did before, only the kernel's tables know.
        default: return .ended(.invalidArgument)
        }
    }
}

extension Duration {
    /// The time in milliseconds for poll, rounded up so that a wait does not end before its time.
    var pollMilliseconds: CInt {
        let (seconds, attoseconds) = components
        let milliseconds = Int64(clamping: seconds).multipliedReportingOverflow(by: 1000)
        guard !milliseconds.overflow else { return .max }
        return CInt(clamping: milliseconds.partialValue + attoseconds / 1_000_000_000_000_000 + 1)
    }
}
