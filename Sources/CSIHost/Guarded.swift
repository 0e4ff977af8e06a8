import Synchronization

/// A value and the lock that guards it, for code that awaits.
package struct Guarded<Value: ~Copyable>: ~Copyable, Sendable {
    private let mutex: Mutex<Value>

    package init(_ initial: consuming sending Value) {
        mutex = Mutex(initial)
    }

    /// Calls `body` with the value while holding the lock.
    // Not inlined: an optimised build would keep the address of the lock's thread-local across an `await` of the caller, after
    // which another thread may go on.
    @inline(never)
    package func withLock<Result, Failure: Error>(
        _ body: (inout sending Value) throws(Failure) -> sending Result
    ) throws(Failure) -> sending Result {
        try mutex.withLock(body)
    }
}
