import CLinux
import CSILock
import Glibc
import Synchronization

/// One thread that waits on epoll, runs timers, and executes tasks.
///
/// As a task executor it lets handlers run on the I/O thread without a hop: a job enqueued by the loop's own thread goes
/// to an array without a lock, one from elsewhere through a lock and, only when the queue was empty, one eventfd write.
final class EventLoop: TaskExecutor {
    /// Jobs and actions from other threads.
    private struct Remote {
        var jobs: [UnownedJob] = []
        var actions: [@Sendable () -> Void] = []
        var ended = false
    }

    /// What only the loop's thread touches.
    struct State {
        var jobs: [UnownedJob] = []
        var deferred: [() -> Void] = []
        var endOfTurn: [any EndOfTurnWork] = []
        var timers = TimerHeap()
        var graveyard: [EventSource] = []
        var now: UInt64 = 0
        var stopping = false
    }

    private let remote = Guarded(Remote())
    // Whether `remote` holds something: set and cleared under its lock, and looked at without it once a round.
    private let hasRemote = Atomic<Bool>(false)
    private let owner = Atomic<UInt>(0)
    private let epoll: Int32
    private let wakeup: Int32

    // Only the thread whose id `owner` holds reads or writes these, and never while it is inside another access.
    @exclusivity(unchecked) nonisolated(unsafe) var state = State()

    /// Where sockets are read into; shared by all connections, so none keeps a large buffer.
    // The pointer never changes, and only the loop's thread uses what it points to.
    nonisolated(unsafe) let scratch: UnsafeMutableRawBufferPointer

    /// Where frames are gathered, also while what was read is still being taken.
    // The pointer never changes, and only the loop's thread uses what it points to.
    nonisolated(unsafe) let outgoing: UnsafeMutableRawBufferPointer

    /// The size of each of the two buffers in bytes.
    static let scratchBytes = 64 * 1024

    /// A loop that no thread runs yet.
    ///
    /// - Throws: `EndpointError.system` when the kernel gives no descriptor.
    init() throws(EndpointError) {
        let epoll = Syscall.call { epoll_create1(Int32(EPOLL_CLOEXEC)) }
        guard epoll >= 0 else {
            throw .system(operation: "epoll_create", path: "", errno: Int32(truncatingIfNeeded: -epoll))
        }
        let wakeup = Syscall.call { eventfd(0, Int32(EFD_CLOEXEC | EFD_NONBLOCK)) }
        guard wakeup >= 0 else {
            Syscall.close(Int32(truncatingIfNeeded: epoll))
            throw .system(operation: "eventfd", path: "", errno: Int32(truncatingIfNeeded: -wakeup))
        }
        self.epoll = Int32(truncatingIfNeeded: epoll)
        self.wakeup = Int32(truncatingIfNeeded: wakeup)
        self.scratch = .allocate(byteCount: EventLoop.scratchBytes, alignment: 16)
        self.outgoing = .allocate(byteCount: EventLoop.scratchBytes, alignment: 16)
        var event = epoll_event()
        event.events = EPOLLIN.rawValue
        event.data.u64 = 0
        _ = epoll_ctl(self.epoll, EPOLL_CTL_ADD, self.wakeup, &event)
    }

    deinit {
        Syscall.close(epoll)
        Syscall.close(wakeup)
        scratch.deallocate()
        outgoing.deallocate()
    }

    /// Whether the calling thread is the one that runs this loop.
    var isCurrent: Bool { owner.load(ordering: .relaxed) == UInt(pthread_self()) }

    // MARK: Work

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        if isCurrent {
            state.jobs.append(job)
            return
        }
        let (wake, ended) = remote.withLock { queue in
            if queue.ended { return (false, true) }
            let wake = queue.jobs.isEmpty && queue.actions.isEmpty
            queue.jobs.append(job)
            hasRemote.store(true, ordering: .releasing)
            return (wake, false)
        }
        // A task that outlived the loop (its blocking call came back after the shutdown) ends on the thread it is on;
        // whatever it still wants from the loop is dropped by `submit`.
        if ended { job.runSynchronously(on: asUnownedTaskExecutor()) }
        if wake { wakeUp() }
    }

    /// Runs `action` on the loop's thread: at once when called there, else soon; never when the loop has ended.
    func submit(_ action: @escaping @Sendable () -> Void) {
        _ = trySubmit(action)
    }

    /// As `submit`; false when the loop has ended and `action` will never run.
    func trySubmit(_ action: @escaping @Sendable () -> Void) -> Bool {
        if isCurrent {
            action()
            return true
        }
        let (wake, ended) = remote.withLock { queue in
            if queue.ended { return (false, true) }
            let wake = queue.jobs.isEmpty && queue.actions.isEmpty
            queue.actions.append(action)
            hasRemote.store(true, ordering: .releasing)
            return (wake, false)
        }
        if wake { wakeUp() }
        return !ended
    }

    /// Runs `action` soon, but not inside the caller.
    ///
    /// Only on the loop's thread.
    func later(_ action: @escaping () -> Void) {
        state.deferred.append(action)
    }

    /// Has `work` called once the jobs of this turn have run, before the loop waits again.
    ///
    /// Only on the loop's thread.
    func atEndOfTurn(_ work: any EndOfTurnWork) {
        state.endOfTurn.append(work)
    }

    private func wakeUp() {
        var one: UInt64 = 1
        _ = Glibc.write(wakeup, &one, 8)
    }

    // MARK: Descriptors and timers (only on the loop's thread)

    /// Nanoseconds of the monotonic clock, read at most once per turn.
    var now: UInt64 {
        if state.now == 0 { state.now = Syscall.monotonicNanoseconds() }
        return state.now
    }

    /// Watches `source` for `events` (EPOLLIN, EPOLLOUT); answers 0 or `-errno`.
    @discardableResult
    func watch(_ source: EventSource, for events: UInt32) -> Int {
        var event = epoll_event()
        event.events = events
        event.data.u64 = UInt64(UInt(bitPattern: Unmanaged.passUnretained(source).toOpaque()))
        source.interest = events
        return Syscall.call { epoll_ctl(epoll, EPOLL_CTL_ADD, source.descriptor, &event) }
    }

    /// Changes what `source` is watched for.
    func update(_ source: EventSource, for events: UInt32) {
        guard source.descriptor >= 0, source.interest != events else { return }
        var event = epoll_event()
        event.events = events
        event.data.u64 = UInt64(UInt(bitPattern: Unmanaged.passUnretained(source).toOpaque()))
        source.interest = events
        _ = epoll_ctl(epoll, EPOLL_CTL_MOD, source.descriptor, &event)
    }

    /// Stops watching `source` and closes its descriptor.
    func close(_ source: EventSource) {
        guard source.descriptor >= 0 else { return }
        forget(source)
        Syscall.close(source.descriptor)
        source.descriptor = -1
    }

    /// Stops watching `source`, whose descriptor stays open.
    func forget(_ source: EventSource) {
        guard source.descriptor >= 0 else { return }
        _ = epoll_ctl(epoll, EPOLL_CTL_DEL, source.descriptor, nil)
        // Events of this very turn may still name it.
        state.graveyard.append(source)
    }

    /// Sets `timer` to fire `nanoseconds` from now.
    func arm(_ timer: LoopTimer, after nanoseconds: UInt64) {
        let (deadline, overflow) = now.addingReportingOverflow(nanoseconds)
        state.timers.arm(timer, at: overflow ? .max : deadline)
    }

    /// Takes `timer` out.
    func disarm(_ timer: LoopTimer) {
        if timer.isArmed { state.timers.disarm(timer) }
    }

    // MARK: Running

    /// Runs the loop on the calling thread until `stop()`.
    func run() {
        owner.store(UInt(pthread_self()), ordering: .relaxed)
        withUnsafeTemporaryAllocation(of: epoll_event.self, capacity: 64) { events in
            while true {
                runReady()
                if state.stopping && isIdle { break }
                turn(events)
            }
        }
        finish()
    }

    /// Makes `run()` answer once the work at hand is done.
    ///
    /// Only on the loop's thread.
    func stop() {
        state.stopping = true
    }

    private var isIdle: Bool { state.jobs.isEmpty && state.deferred.isEmpty && state.endOfTurn.isEmpty }

    private func turn(_ events: UnsafeMutableBufferPointer<epoll_event>) {
        var timeout: Int32 = -1
        if state.stopping || !isIdle {
            timeout = 0
        } else if let next = state.timers.next {
            let now = Syscall.monotonicNanoseconds()
            // Rounded up: waking a millisecond early would spin.
            timeout = next <= now ? 0 : Int32(clamping: (next - now + 999_999) / 1_000_000)
        }
        guard let base = events.baseAddress else { return }
        let count = Syscall.wait(epoll, base, Int32(events.count), timeout)
        state.now = 0
        if count > 0 {
            for index in 0..<min(count, events.count) {
                let event = events[index]
                guard let pointer = UnsafeRawPointer(bitPattern: UInt(event.data.u64)) else {
                    var counter: UInt64 = 0
                    _ = Glibc.read(wakeup, &counter, 8)
                    continue
                }
                let source = Unmanaged<EventSource>.fromOpaque(pointer).takeUnretainedValue()
                if source.descriptor >= 0 { source.ready(event.events) }
            }
            if !state.graveyard.isEmpty { state.graveyard.removeAll() }
        }
        while !state.timers.isEmpty, let timer = state.timers.popDue(now) { TimerHeap.fire(timer) }
    }

    /// Runs jobs and actions a bounded number of rounds, so that I/O is never starved, then the end-of-turn work.
    private func runReady() {
        for _ in 0..<16 {
            if hasRemote.load(ordering: .acquiring) { takeRemote() }
            if state.jobs.isEmpty && state.deferred.isEmpty { break }
            runJobs()
            if !state.deferred.isEmpty {
                var deferred: [() -> Void] = []
                swap(&deferred, &state.deferred)
                for action in deferred { action() }
            }
        }
        guard !state.endOfTurn.isEmpty else { return }
        var works: [any EndOfTurnWork] = []
        swap(&works, &state.endOfTurn)
        for work in works { work.endOfTurn() }
        // Give the array back, so that its storage is allocated once.
        if state.endOfTurn.isEmpty {
            works.removeAll(keepingCapacity: true)
            swap(&works, &state.endOfTurn)
        }
    }

    private func runJobs() {
        guard !state.jobs.isEmpty else { return }
        var jobs: [UnownedJob] = []
        swap(&jobs, &state.jobs)
        let executor = asUnownedTaskExecutor()
        for job in jobs { job.runSynchronously(on: executor) }
        if state.jobs.isEmpty {
            jobs.removeAll(keepingCapacity: true)
            swap(&jobs, &state.jobs)
        }
    }

    private func takeRemote() {
        // One lock per turn; the arrays are swapped, not copied.
        let taken = remote.withLock { queue -> (jobs: [UnownedJob], actions: [@Sendable () -> Void]) in
            let taken = (queue.jobs, queue.actions)
            hasRemote.store(false, ordering: .relaxed)
            queue.jobs = []
            queue.actions = []
            return taken
        }
        if !taken.jobs.isEmpty { state.jobs.append(contentsOf: taken.jobs) }
        for action in taken.actions { action() }
    }

    /// Refuses further work; what came in meanwhile still runs.
    private func finish() {
        remote.withLock { $0.ended = true }
        // A task that never stops asking for more is left behind.
        for _ in 0..<1_000 {
            runReady()
            if isIdle { break }
        }
        state.timers.removeAll()
        state.graveyard.removeAll()
        owner.store(0, ordering: .relaxed)
    }
}
