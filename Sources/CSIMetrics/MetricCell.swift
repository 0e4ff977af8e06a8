import CoreMetrics

/// The value of one series, which any thread may change at any time.
protocol MetricCell: AnyObject, Sendable {
    /// Writes the lines that show it.
    func write(_ name: String, _ labels: SeriesLabels, to text: inout ExpositionText)
}

/// Takes values and forgets them: what a metric gets that cannot be kept.
final class DiscardingCell: CounterHandler, FloatingPointCounterHandler, MeterHandler, RecorderHandler, TimerHandler {
    static let shared = DiscardingCell()

    func increment(by: Int64) {}
    func increment(by: Double) {}
    func decrement(by: Double) {}
    func set(_ value: Int64) {}
    func set(_ value: Double) {}
    func record(_ value: Int64) {}
    func record(_ value: Double) {}
    func recordNanoseconds(_ duration: Int64) {}
    func reset() {}
}
