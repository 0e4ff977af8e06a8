import Synchronization

/// How a helper process tells the process that started it that it gets on: an empty message, at most every few milliseconds,
/// when a system call has returned.
///
/// Whatever waits for a server is a system call, so a helper that says nothing for long waits for one that does not answer.
enum HelperBeat {
    private static let interval = Duration.milliseconds(50)

    /// Only on in a helper process, and there only one thread makes system calls.
    private static let isOn = Atomic(false)

    /// Milliseconds since the start of this process, of the last beat.
    private static let last = Atomic<Int64>(0)
    private static let start = ContinuousClock.now

    /// From now on each system call of this process counts.
    static func turnOn() {
        _ = start
        isOn.store(true, ordering: .relaxed)
    }

    /// Says that a system call has returned, however it ended.
    static func systemCallReturned() {
        guard isOn.load(ordering: .relaxed) else { return }
        let now = Int64((ContinuousClock.now - start) / .milliseconds(1))
        guard .milliseconds(now &- last.load(ordering: .relaxed)) >= interval else { return }
        last.store(now, ordering: .relaxed)
        HelperFrame.write([], to: HelperServer.socket)
    }
}
