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

    /// Waits for a child, unless one that was left behind is still at the same work: that it hangs is known then.
    ///
    /// - Parameters:
    ///   - work: what it is to do.
    ///   - start: starts it.
    static func run(
        _ work: AbandonedWork, within limit: Duration, _ site: CallSite, start: (inout clinux_child) -> Int
    ) throws(HostError) -> Ending {
        guard !AbandonedChildren.isBusy(with: work) else { return .hung }
        var started = clinux_child()
        try site.check(detail: "no child process could be started for it") { start(&started) }
        let child = OwnedDescriptor(adopting: started.pidfd)
        // A child that could end at once gets a moment even when the deadline has passed.
        let deadline = ContinuousClock.now + max(limit, .milliseconds(20))
        let rawChild = child.raw
        while true {
            let left = ContinuousClock.now.duration(to: deadline)
            guard left > .zero else { break }
            // Whatever goes wrong here, the child may still be at work on its stack.
            guard case .success(let ready) = site.result({ clinux_wait_for_exit(rawChild, left.pollMilliseconds) })
            else { break }
            guard ready > 0 else { continue }
            defer { clinux_release_stack(started.stack) }
            return ending(of: child)
        }
        _ = clinux_kill(rawChild)
        AbandonedChildren.append(child, stack: started.stack, doing: work)
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
