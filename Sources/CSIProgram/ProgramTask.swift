import CSITransport
import Glibc

/// The asynchronous work of a program, run so that it leaves little behind.
public enum ProgramTask {
    /// Runs `work`, then ends the process with the status that it answers.
    ///
    /// An asynchronous `main` costs a node more: it starts the threads of the concurrency runtime, and its own thread ends,
    /// for which the C library loads an unwinder. The thread that is started here ends when it has nothing to do.
    /// - Parameter work: The work, which must not need the main actor.
    public static func run(_ work: @escaping @Sendable () async -> Int32) -> Never {
        let executor = BlockingExecutor(name: "csi-main", maximumThreads: 1)
        Task(executorPreference: executor) { exit(await work()) }
        while true { pause() }
    }
}
