/// Growing pauses between attempts, until a deadline.
///
/// ```swift
/// var backoff = Backoff(host.clock, until: host.clock.now + .seconds(30))
/// while true {
///     if try await attempt() { return }
///     guard await backoff.pause() else { throw .unavailable("it did not work until time was up") }
/// }
/// ```
///
/// Each pause is about twice as long as the one before. Half of it is random, so that many who wait for the same thing do not all
/// come back at the same moment.
public struct Backoff: Sendable {
    private let clock: any HostClock
    private let deadline: Duration
    private let longest: Duration
    private let random: @Sendable () -> Double
    private var next: Duration

    /// Creates pauses; the first one has not begun yet.
    /// - Parameters:
    ///   - clock: What the deadline and the pauses are measured with.
    ///   - deadline: The time of the clock at which the last attempt has to have begun.
    ///   - first: The first pause at its longest.
    ///   - longest: What no pause exceeds.
    ///   - random: Gives numbers from 0 up to 1; tests give their own.
    public init(
        _ clock: any HostClock, until deadline: Duration, first: Duration = .milliseconds(250),
        longest: Duration = .seconds(5), random: @escaping @Sendable () -> Double = { .random(in: 0..<1) }
    ) {
        self.clock = clock
        self.deadline = deadline
        self.longest = longest
        self.random = random
        next = first
    }

    /// Waits before the next attempt.
    /// - Parameter least: What the pause must not fall short of, for example because a server asked for it; a tenth of the pause
    ///   is added at random.
    /// - Returns: False, without a wait, when the attempt would come after the deadline, and when the task is cancelled.
    public mutating func pause(atLeast least: Duration = .zero) async -> Bool {
        let own = next * (0.5 + 0.5 * random())
        let pause = least > own ? least + next * (0.1 * random()) : own
        next = min(next * 2, longest)
        guard clock.now + pause < deadline else { return false }
        do throws(CancellationError) {
            try await clock.sleep(for: pause)
            return true
        } catch {
            return false
        }
    }
}
