/// The time of the machine.
public protocol HostClock: Sendable {
    /// The time since some moment before the process began, which never goes back: for deadlines and ages.
    var now: Duration { get }

    /// The date, which an administrator or a time server can set forward and back: for records, never for deadlines.
    var wallTime: WallTime { get }

    /// Suspends the task, without holding a thread.
    ///
    /// - Throws: when the task is cancelled.
    func sleep(for duration: Duration) async throws(CancellationError)
}
