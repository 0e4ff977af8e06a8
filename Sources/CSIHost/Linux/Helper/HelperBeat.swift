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

    /// Which of so many system calls looks at the clock, and how many have returned.
    private static let stride = Atomic(1)
    private static let count = Atomic(0)

    /// Says which work the next calls are for.
    ///
    /// Where there are very many, and all the more patience, each fourth looks at the clock: that costs as much as a call that
    /// waits for nobody, where the kernel gives no cheaper one.
    static func begin(isLong: Bool) { stride.store(isLong ? 4 : 1, ordering: .relaxed) }

    /// From now on each system call of this process counts.
    static func turnOn() {
        _ = start
        isOn.store(true, ordering: .relaxed)
    }

    /// Says that a system call has returned, however it ended.
    static func systemCallReturned() {
        guard isOn.load(ordering: .relaxed) else { return }
        let number = count.wrappingAdd(1, ordering: .relaxed).newValue
        guard number % stride.load(ordering: .relaxed) == 0 else { return }
        let now = Int64((ContinuousClock.now - start) / .milliseconds(1))
        guard .milliseconds(now &- last.load(ordering: .relaxed)) >= interval else { return }
        last.store(now, ordering: .relaxed)
        HelperFrame.write([], to: HelperServer.socket)
    }
}
