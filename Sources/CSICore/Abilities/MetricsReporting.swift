/// A driver that shows figures of its own among the metrics, such as how much of a pool is used.
///
/// Figures are taken every few seconds by a thread made for that, and metrics show what was taken last: a figure that takes
/// long, or hangs, delays neither a scrape nor a call. `csi_plugin_figures_age_seconds` then says how old they are.
public protocol MetricsReporting: CSIDriver {
    /// What ``figures()`` may report.
    static var metrics: [MetricDescription] { get }

    /// The figures as of now; called after the driver has started, one call at a time.
    ///
    /// Cheap however many volumes there are: figures come from memory and from the kernel's tables, never from a walk.
    /// - Returns: One value for each metric and set of labels; what is not in it any more is no longer shown.
    /// - Throws: Why there are none; those of the call before stay, and their age grows.
    func figures() async throws(CSIError) -> [DriverFigure]
}

/// One value of a metric that a driver reports.
public struct DriverFigure: Sendable, Hashable {
    /// Which metric.
    public let metric: MetricDescription

    /// The values of its labels.
    public let labels: [String]

    /// The value, in the unit that the metric's name ends with.
    public let value: Double

    /// Creates a figure.
    /// - Parameters:
    ///   - metric: Which metric.
    ///   - labels: The values of its labels, in their order.
    ///   - value: The value.
    public init(_ metric: MetricDescription, _ labels: [String] = [], _ value: Double) {
        self.metric = metric
        self.labels = labels
        self.value = value
    }

    /// Creates a figure from a number of bytes or of things.
    public init(_ metric: MetricDescription, _ labels: [String] = [], _ value: some BinaryInteger) {
        self.init(metric, labels, Double(value))
    }
}
