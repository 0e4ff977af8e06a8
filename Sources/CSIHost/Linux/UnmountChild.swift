import CLinux
import Glibc
import Synchronization
import SystemPackage

/// Unmounts in a child process, so that a file system that never answers costs a process and no thread.
enum UnmountChild {
    /// How a child ended.
    enum Ending: Equatable {
        /// With the error number of umount, nil for success.
        case ended(Errno?)
        /// Not in time; it was killed and left behind.
        case hung
    }

    /// Unmounts a name in a directory.
    static func run(
        _ name: FilePath.Component, in directory: borrowing OwnedDescriptor, flags: CInt, within limit: Duration,
        _ site: CallSite
    ) throws(HostError) -> Ending {
        abandoned.collect()
        let raw = directory.raw
        let number = try site.check(detail: "no child process could be started to unmount in") {
            name.withPlatformString { clinux_spawn_umount(raw, $0, flags) }
        }
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
        abandoned.append(child)
        return .hung
    }

    private static func ending(of child: borrowing OwnedDescriptor) -> Ending {
        switch clinux_reap(child.raw) {
        case 0: return .ended(nil)
        case let status where status > 0: return .ended(Errno(rawValue: CInt(truncatingIfNeeded: status)))
        // A signal from outside ended it; whether it unmounted before, the mount table knows.
        default: return .ended(.invalidArgument)
        }
    }

    /// Children that hung when they were left, to be collected once they end.
    private static let abandoned = Abandoned()

    private final class Abandoned: Sendable {
        private final class Child: Sendable {
            let descriptor: OwnedDescriptor
            init(_ descriptor: consuming OwnedDescriptor) { self.descriptor = descriptor }
        }

        private let children = Mutex<[Child]>([])

        func append(_ child: consuming OwnedDescriptor) {
            let child = Child(child)
            children.withLock { $0.append(child) }
        }

        /// Collects those that have ended, so that they do not stay zombies.
        func collect() {
            children.withLock { children in
                children.removeAll { clinux_reap($0.descriptor.raw) != -Int(EAGAIN) }
            }
        }
    }
}

extension Duration {
    /// The time in milliseconds for poll, rounded up so that a wait does not end before its time.
    fileprivate var pollMilliseconds: CInt {
        let (seconds, attoseconds) = components
        let milliseconds = Int64(clamping: seconds).multipliedReportingOverflow(by: 1000)
        guard !milliseconds.overflow else { return .max }
        return CInt(clamping: milliseconds.partialValue + attoseconds / 1_000_000_000_000_000 + 1)
    }
}
