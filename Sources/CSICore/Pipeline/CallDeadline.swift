/// How long the caller of the handler that runs still waits.
///
/// A handler that waits for something outside the machine (an API's answer, an action of a cloud) ends its waiting before
/// the caller does, with an error that says what is still going on, so that the caller reads that and not only that time is up:
///
/// ```swift
/// let patience = min(CallDeadline.timeLeft ?? .seconds(60), .seconds(60))
/// ```
///
/// A handler that leaves it alone loses nothing: its work goes on when the caller has gone, and whoever repeats the call joins
/// it. A caller that joins may wait longer than the one who began; the deadline is that of the one who began.
public enum CallDeadline {
    /// The moment at which the caller gives up; nil when it did not say, and outside of handlers.
    @TaskLocal public static var moment: ContinuousClock.Instant?

    /// The time until then, never negative; nil when the caller did not say.
    public static var timeLeft: Duration? {
        moment.map { max(.zero, ContinuousClock.now.duration(to: $0)) }
    }

    /// Runs `body` with a deadline; nothing changes where there is none.
    static func with<Reply>(
        _ moment: ContinuousClock.Instant?, _ body: () async throws(CSIError) -> Reply
    ) async throws(CSIError) -> Reply {
        guard let moment else { return try await body() }
        // The task-local's own method throws anything.
        let outcome: Result<Reply, CSIError> = await $moment.withValue(moment) {
            do throws(CSIError) { return .success(try await body()) } catch { return .failure(error) }
        }
        return try outcome.get()
    }
}
