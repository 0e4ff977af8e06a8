import CLinux
import CSILock
import Glibc

/// Child processes that did not end when they should have, to be collected once they do.
///
/// A process that waits in the kernel for a device hears not even SIGKILL: nobody waits for it, and it must not stay a zombie.
enum AbandonedChildren {
    private final class Child: Sendable {
        let descriptor: OwnedDescriptor
        /// The address of the stack that it works on, for as long as it does; 0 where it has one of its own.
        private let stack: UInt
        let work: AbandonedWork?

        init(_ descriptor: consuming OwnedDescriptor, stack: UnsafeMutableRawPointer?, _ work: AbandonedWork?) {
            self.descriptor = descriptor
            self.work = work
            self.stack = UInt(bitPattern: stack)
        }

        deinit { if let stack = UnsafeMutableRawPointer(bitPattern: stack) { clinux_release_stack(stack) } }
    }

    private static let children = Guarded<[Child]>([])

    /// Takes over the pidfd of a child, and the stack that it shares with this process, if it does.
    ///
    /// - Parameter work: what it is still at; see ``isBusy(with:)``.
    static func append(
        _ child: consuming OwnedDescriptor, stack: UnsafeMutableRawPointer? = nil, doing work: AbandonedWork? = nil
    ) {
        let child = Child(child, stack: stack, work)
        children.withLock { $0.append(child) }
    }

    /// Takes over a child whose pidfd stays with its owner.
    static func append(copyOf pidfd: CInt) {
        let copy = clinux_duplicate(pidfd)
        if copy >= 0 { append(OwnedDescriptor(adopting: CInt(truncatingIfNeeded: copy))) }
    }

    /// Whether one is still at some work: another one would wait for the same thing.
    static func isBusy(with work: AbandonedWork) -> Bool {
        collect()
        return children.withLock { $0.contains { $0.work == work } }
    }

    /// Collects those that have ended.
    static func collect() {
        children.withLock { children in
            children.removeAll { clinux_reap($0.descriptor.raw) != -Int(EAGAIN) }
        }
    }
}
