/// How long the driver tries before it tells its caller to come again.
struct RetryPolicy: Sendable {
    var firstPause = Duration.milliseconds(150)
    var longestPause = Duration.seconds(5)
    /// The longest time that one answer may take.
    var attemptLimit = Duration.seconds(20)
    /// The time for everything, where the caller sets no deadline or a later one.
    var limit = Duration.seconds(120)
    /// From 0 to 1: spreads those who wait for the same thing.
    var random: @Sendable () -> Double = { .random(in: 0..<1) }
}
