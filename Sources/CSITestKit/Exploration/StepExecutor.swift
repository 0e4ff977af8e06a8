import CSILock

/// An executor that runs nothing by itself: a test runs what is queued, so that the order is the test's.
final class StepExecutor: TaskExecutor {
    private let queue = Guarded<[UnownedJob]>([])

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        queue.withLock { $0.append(job) }
    }

    /// Runs what is queued, and what that queues, until nothing is left.
    func runUntilIdle() {
        while true {
            let jobs = queue.withLock { queue in
                defer { queue = [] }
                return queue
            }
            if jobs.isEmpty { return }
            for job in jobs { job.runSynchronously(on: asUnownedTaskExecutor()) }
        }
    }
}
