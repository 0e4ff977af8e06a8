import CSITransport
import Glibc

/// The asynchronous work of a program, run so that it leaves little behind.
public enum ProgramTask {
    /// Runs `work`, then ends the process with the status that it answers.
    ///
    /// An asynchronous `main` costs a node more: it starts the threads of the concurrency runtime, and its own thread ends,
    /// for which the C library loads an unwinder. The threads that are started here end when they have nothing to do.
    /// - Parameters:
    ///   - threads: On how many threads it runs at most.
    ///   - work: The work, which must not need the main actor.
    public static func run(threads: Int = 1, _ work: @escaping @Sendable () async -> Int32) -> Never {
        let executor = BlockingExecutor(name: "csi-main", maximumThreads: threads)
        Task(executorPreference: executor) { exit(await work()) }
        while true { pause() }
    }
}
