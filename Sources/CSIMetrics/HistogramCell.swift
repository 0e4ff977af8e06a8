import CoreMetrics
import Synchronization

/// How often values fell into each of a fixed set of buckets: timers in seconds, recorders in their own unit.
///
/// Recording is a search among the bounds and two atomic additions; memory is fixed.
final class HistogramCell: TimerHandler, RecorderHandler, MetricCell {
    private let bounds: [Double]
    // One counter for each bound and one for what is above them all. The memory belongs to this object, is initialised
    // before anybody else can see it and only changed by atomic operations.
    nonisolated(unsafe) private let counts: UnsafeMutablePointer<Atomic<UInt64>>
    private let sum = AtomicDouble()

    /// - Parameter bounds: Upper bounds, ascending and finite.
    init(bounds: [Double]) {
        self.bounds = bounds
        counts = .allocate(capacity: bounds.count + 1)
        for index in 0...bounds.count { (counts + index).initialize(to: Atomic(0)) }
    }

    deinit {
        counts.deinitialize(count: bounds.count + 1)
        counts.deallocate()
    }

    func recordNanoseconds(_ duration: Int64) {
        // A division, not a multiplication: its result is the nearest number, so 1 ms is in the bucket of 0.001.
        add(Double(max(0, duration)) / 1e9)
    }

    func record(_ value: Int64) { add(Double(value)) }

    /// What is not a number is ignored: it would spoil the sum for ever.
    func record(_ value: Double) {
        guard value.isFinite else { return }
        add(value)
    }

    private func add(_ value: Double) {
        var low = 0
        var high = bounds.count
        while low < high {
            let middle = (low + high) / 2
            if value <= bounds[middle] { high = middle } else { low = middle + 1 }
        }
        counts[low].wrappingAdd(1, ordering: .relaxed)
        sum.add(value)
    }

    func write(_ name: String, _ labels: SeriesLabels, to text: inout ExpositionText) {
        // The total is what the buckets add up to at this moment, so that the last bucket and the count always agree.
        var total: UInt64 = 0
        for (index, bound) in bounds.enumerated() {
            total &+= counts[index].load(ordering: .relaxed)
            text.bucket(name, labels, upTo: bound, total)
        }
        total &+= counts[bounds.count].load(ordering: .relaxed)
        text.bucket(name, labels, upTo: .infinity, total)
        text.sample(name + "_sum", labels, sum.load())
        text.sample(name + "_count", labels, total)
    }
}
