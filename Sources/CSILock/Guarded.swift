// ThreadSanitizer does not see the futex of Synchronization.Mutex on Linux and would report every use as a race.
// Sanitizer builds define CSI_PTHREAD_LOCKS and get a lock that it understands.
#if CSI_PTHREAD_LOCKS
    import Glibc

    /// A value and the lock that guards it.
    package struct Guarded<Value: ~Copyable>: ~Copyable, @unchecked Sendable {
        // Sendable because the two pointers never change, `value` is reached through `withLock` alone, so between lock and
        // unlock, and what goes in is `sending`: nobody else keeps a reference to it.
        private let lock: UnsafeMutablePointer<pthread_mutex_t>
        private let value: UnsafeMutablePointer<Value>

        package init(_ initial: consuming sending Value) {
            lock = .allocate(capacity: 1)
            lock.initialize(to: pthread_mutex_t())
            pthread_mutex_init(lock, nil)
            value = .allocate(capacity: 1)
            value.initialize(to: initial)
        }

        deinit {
            pthread_mutex_destroy(lock)
            lock.deallocate()
            value.deinitialize(count: 1)
            value.deallocate()
        }

        /// Calls `body` with the value while holding the lock.
        @inline(never)
        package func withLock<Result, Failure: Error>(
            _ body: (inout Value) throws(Failure) -> Result
        ) throws(Failure) -> Result {
            pthread_mutex_lock(lock)
            defer { pthread_mutex_unlock(lock) }
            return try body(&value.pointee)
        }
    }
#else
    import Synchronization

    /// A value and the lock that guards it: what this package uses in place of `Mutex`.
    package struct Guarded<Value: ~Copyable>: ~Copyable, Sendable {
        private let mutex: Mutex<Value>

        package init(_ initial: consuming sending Value) {
            mutex = Mutex(initial)
        }

        /// Calls `body` with the value while holding the lock.
        // Not inlined: an optimised build would keep the address of the lock's thread-local across an `await` of the caller, after
        // which another thread may go on. Unlocking there ends the process.
        @inline(never)
        package func withLock<Result, Failure: Error>(
            _ body: (inout sending Value) throws(Failure) -> sending Result
        ) throws(Failure) -> sending Result {
            try mutex.withLock(body)
        }
    }
#endif
