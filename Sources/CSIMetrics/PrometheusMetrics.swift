import CSILock
public import CoreMetrics

/// Keeps the metrics of this process and shows them in the Prometheus text format.
///
/// ```swift
/// let metrics = PrometheusMetrics()
/// MetricsSystem.bootstrap(metrics)     // before anything that makes metrics
/// let page = metrics.render()          // for GET /metrics, with PrometheusMetrics.contentType
/// ```
///
/// Counters become `counter`, meters and gauges become `gauge`, timers (in seconds) and other recorders become
/// `histogram`. Recording takes no lock; rendering copies references under a short one and waits for nobody. Memory is
/// bounded by the configuration's limits: what is past them is folded into one series of its name, or dropped, and
/// counted as `swift_csi_metrics_dropped_total`.
public final class PrometheusMetrics: MetricsFactory {
    /// The `Content-Type` of a page.
    public static let contentType = "text/plain; version=0.0.4; charset=utf-8"

    fileprivate struct State {
        /// Sorted by name.
        var families: [MetricFamily] = []
        /// The names of all lines, each with the metric that writes it.
        var owners: [String: String] = [:]
        var refreshers: [@Sendable () -> Void] = []
    }

    private let configuration: PrometheusConfiguration
    private let buckets: [Double]
    private let state = Guarded(State())
    private let dropped = CounterCell()

    /// Creates an empty set of metrics.
    public init(configuration: PrometheusConfiguration = PrometheusConfiguration()) {
        self.configuration = configuration
        self.buckets = configuration.usableBuckets
    }

    /// Calls `refresh` before each page, for values that are looked up and not recorded.
    ///
    /// It must be quick and must not block.
    public func beforeRendering(_ refresh: @escaping @Sendable () -> Void) {
        state.withLock { $0.refreshers.append(refresh) }
    }

    /// The page: every metric sorted by name, every series sorted by its labels.
    public func render() -> String {
        String(decoding: renderBytes(), as: UTF8.self)
    }

    /// The page in UTF-8.
    public func renderBytes() -> [UInt8] {
        let refreshers = state.withLock { $0.refreshers }
        for refresh in refreshers { refresh() }
        let families = state.withLock { $0.families }
        var text = ExpositionText()
        for family in families where !family.series.isEmpty {
            text.header(family.name, family.kind, help: configuration.help[family.name])
            for series in family.series { series.cell.write(family.name, series.labels, to: &text) }
        }
        if dropped.value > 0 {
            text.header(
                Self.droppedName, .counter, help: "Metrics that were folded or dropped because a limit was reached.")
            dropped.write(Self.droppedName, .none, to: &text)
        }
        return text.bytes
    }

    /// Makes or finds a counter.
    public func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
        make(label, dimensions, .counter) { CounterCell() } ?? DiscardingCell.shared
    }

    /// Makes or finds a counter.
    public func makeFloatingPointCounter(
        label: String, dimensions: [(String, String)]
    ) -> any FloatingPointCounterHandler {
        make(label, dimensions, .counter) { CounterCell() } ?? DiscardingCell.shared
    }

    /// Makes or finds a gauge.
    public func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
        make(label, dimensions, .gauge) { GaugeCell() } ?? DiscardingCell.shared
    }

    /// Makes or finds a histogram, or a gauge when nothing shall be aggregated.
    public func makeRecorder(
        label: String, dimensions: [(String, String)], aggregate: Bool
    ) -> any RecorderHandler {
        guard aggregate else { return make(label, dimensions, .gauge) { GaugeCell() } ?? DiscardingCell.shared }
        return make(label, dimensions, .histogram) { HistogramCell(bounds: buckets) } ?? DiscardingCell.shared
    }

    /// Makes or finds a histogram of seconds.
    public func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
        make(label, dimensions, .histogram) { HistogramCell(bounds: buckets) } ?? DiscardingCell.shared
    }

    /// Forgets a counter when nobody else uses it.
    public func destroyCounter(_ handler: any CounterHandler) { release(handler) }

    /// Forgets a counter when nobody else uses it.
    public func destroyFloatingPointCounter(_ handler: any FloatingPointCounterHandler) { release(handler) }

    /// Forgets a gauge when nobody else uses it.
    public func destroyMeter(_ handler: any MeterHandler) { release(handler) }

    /// Forgets a histogram or gauge when nobody else uses it.
    public func destroyRecorder(_ handler: any RecorderHandler) { release(handler) }

    /// Forgets a histogram when nobody else uses it.
    public func destroyTimer(_ handler: any TimerHandler) { release(handler) }

    /// The counter of metrics that were folded or dropped because a limit was reached.
    public static let droppedName = "swift_csi_metrics_dropped_total"

    /// The cell of a series; nil when its name is taken by another kind of metric or there are too many names.
    private func make<Cell: MetricCell>(
        _ label: String, _ dimensions: [(String, String)], _ kind: MetricKind, _ new: () -> Cell
    ) -> Cell? {
        let name = MetricName.metric(label)
        let labels = SeriesLabels(dimensions, valueLimit: configuration.maximumLabelBytes)
        let (cell, isKept) = state.withLock { state -> (Cell?, Bool) in
            guard let index = state.family(name, kind, limit: configuration.maximumFamilies) else {
                return (nil, false)
            }
            let limit = configuration.maximumSeriesPerFamily
            let (cell, isOverflow) = state.families[index].cell(labels, limit: limit, make: new)
            return (cell as? Cell, !isOverflow)
        }
        if cell == nil || !isKept { dropped.increment(by: Int64(1)) }
        return cell
    }

    private func release(_ handler: any Sendable) {
        guard let cell = handler as? any MetricCell else { return }
        state.withLock { state in
            guard let index = state.families.firstIndex(where: { $0.holds(cell) }) else { return }
            state.families[index].release(cell)
            guard state.families[index].series.isEmpty else { return }
            let family = state.families.remove(at: index)
            for line in MetricFamily.sampleNames(family.name, family.kind) { state.owners[line] = nil }
        }
    }
}

extension PrometheusMetrics.State {
    /// The position of a metric, made when there is none yet.
    fileprivate mutating func family(_ name: String, _ kind: MetricKind, limit: Int) -> Int? {
        let index = families.firstIndex { $0.name >= name } ?? families.endIndex
        if index < families.count, families[index].name == name {
            return families[index].kind == kind ? index : nil
        }
        let names = MetricFamily.sampleNames(name, kind)
        guard families.count < limit, names.allSatisfy({ owners[$0] == nil }) else { return nil }
        for line in names { owners[line] = name }
        families.insert(MetricFamily(name: name, kind: kind), at: index)
        return index
    }
}
