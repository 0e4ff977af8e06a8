import CSILock
import Glibc

/// A bounded set of threads for work that blocks: file systems, mounts, processes.
///
/// Threads start on demand, up to the bound, and end when they have been idle for a while; beyond the bound work waits.
/// Use it with `withTaskExecutorPreference(_:operation:)`, or as the preference of a task.
public final class BlockingExecutor: TaskExecutor {
    /// The queue and its threads, between lock and unlock.
    private struct State {
        var jobs: [UnownedJob] = []
        var next = 0
        var threads = 0
        var idle = 0

        var waiting: Int { jobs.count - next }

        mutating func take() -> UnownedJob? {
            guard next < jobs.count else { return nil }
            let job = jobs[next]
            next += 1
            if next == jobs.count {
                jobs.removeAll(keepingCapacity: true)
                next = 0
            }
            return job
        }
    }

    /// The name of its threads, of which the kernel shows 15 bytes.
    public let name: String

    /// The most threads that it runs.
    public let maximumThreads: Int

    private let idleSeconds: Int
    private let condition = ConditionLock()

    // Only touched while `condition` is locked, which a thread that has nothing to do waits on: `Guarded` cannot wait.
    nonisolated(unsafe) private var state = State()

    /// An executor without threads yet.
    ///
    /// - Parameters:
    ///   - name: shown for its threads by ps, top and gdb.
    ///   - maximumThreads: the bound, at least 1.
    public convenience init(name: String, maximumThreads: Int) {
        self.init(name: name, maximumThreads: maximumThreads, idleSeconds: 10)
    }

    init(name: String, maximumThreads: Int, idleSeconds: Int) {
        self.name = name
        self.maximumThreads = max(1, maximumThreads)
        self.idleSeconds = idleSeconds
    }

    /// How many threads there are now.
    public var threadCount: Int {
        condition.lock()
        defer { condition.unlock() }
        return state.threads
    }

    /// Queues a job; a thread is started when none is idle and the bound allows.
    public func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        condition.lock()
        state.jobs.append(job)
        let needsThread = state.idle < state.waiting && state.threads < maximumThreads
        if needsThread { state.threads += 1 } else { condition.signal() }
        condition.unlock()
        if needsThread { startThread() }
    }

    private func startThread() {
        guard DetachedThread.start(name: name, { [self] in work() }) != 0 else { return }
        // The kernel gives no thread now. The job waits for one of the others; without any it runs here.
        condition.lock()
        state.threads -= 1
        let job = state.threads == 0 ? state.take() : nil
        condition.unlock()
        job?.runSynchronously(on: asUnownedTaskExecutor())
    }

    private func work() {
        condition.lock()
        while true {
            if let job = state.take() {
                condition.unlock()
                job.runSynchronously(on: asUnownedTaskExecutor())
                condition.lock()
                continue
            }
            state.idle += 1
            let timedOut = !condition.wait(seconds: idleSeconds)
            state.idle -= 1
            if timedOut && state.waiting == 0 { break }
        }
        state.threads -= 1
        condition.unlock()
    }
}
