import CoreMetrics

/// A number that goes up and down: the last value that was recorded.
final class GaugeCell: RecorderHandler, MeterHandler, MetricCell {
    private let value = AtomicDouble()

    func record(_ value: Int64) { self.value.store(Double(value)) }

    func record(_ value: Double) { self.value.store(value) }

    func set(_ value: Int64) { self.value.store(Double(value)) }

    func set(_ value: Double) { self.value.store(value) }

    func increment(by amount: Double) { value.add(amount) }

    func decrement(by amount: Double) { value.add(-amount) }

    func write(_ name: String, _ labels: SeriesLabels, to text: inout ExpositionText) {
        text.sample(name, labels, value.load())
    }
}
