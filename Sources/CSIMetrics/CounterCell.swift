import CoreMetrics
import Synchronization

/// A number that only grows, in whole steps or in parts.
final class CounterCell: CounterHandler, FloatingPointCounterHandler, MetricCell {
    private let whole = Atomic<UInt64>(0)
    private let parts = AtomicDouble()

    /// Adds; what is not positive is ignored, because a counter never falls.
    func increment(by amount: Int64) {
        guard amount > 0 else { return }
        whole.wrappingAdd(UInt64(amount), ordering: .relaxed)
    }

    /// Adds; what is not a positive number is ignored.
    func increment(by amount: Double) {
        guard amount > 0, amount.isFinite else { return }
        parts.add(amount)
    }

    /// All of it; whole numbers beyond 2^53 lose their last digits.
    var value: Double { Double(whole.load(ordering: .relaxed)) + parts.load() }

    func reset() {
        whole.store(0, ordering: .relaxed)
        parts.store(0)
    }

    func write(_ name: String, _ labels: SeriesLabels, to text: inout ExpositionText) {
        let count = whole.load(ordering: .relaxed)
        let rest = parts.load()
        if rest == 0 { text.sample(name, labels, count) } else { text.sample(name, labels, Double(count) + rest) }
    }
}
