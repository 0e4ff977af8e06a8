/// How metrics are kept and shown.
public struct PrometheusConfiguration: Sendable {
    /// The upper bounds of the buckets of timers, in seconds, and of recorders, in their own unit.
    ///
    /// Ascending; the bucket without an upper bound comes by itself.
    public var buckets: [Double]

    /// The most names that are kept; what comes later is dropped and counted.
    public var maximumFamilies: Int

    /// The most sets of labels that one name keeps; what comes later is counted in one series, `{overflow="true"}`.
    public var maximumSeriesPerFamily: Int

    /// The most bytes of a label's value; a longer one is cut.
    public var maximumLabelBytes: Int

    /// What the names mean, for the `HELP` lines; a name without a text has no such line.
    public var help: [String: String]

    /// From 1 ms, where a healthy node works, to 10 minutes.
    ///
    /// They include every bound that the CSI sidecars use, so that queries over both agree.
    public static let defaultBuckets: [Double] = [
        0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15, 25, 50, 120, 300, 600,
    ]

    /// Creates a configuration.
    /// - Parameters:
    ///   - buckets: The upper bounds of histograms.
    ///   - maximumFamilies: The most names.
    ///   - maximumSeriesPerFamily: The most sets of labels of one name.
    ///   - maximumLabelBytes: The most bytes of a label's value.
    ///   - help: What the names mean.
    public init(
        buckets: [Double] = defaultBuckets, maximumFamilies: Int = 256, maximumSeriesPerFamily: Int = 1_000,
        maximumLabelBytes: Int = 256, help: [String: String] = [:]
    ) {
        self.buckets = buckets
        self.maximumFamilies = maximumFamilies
        self.maximumSeriesPerFamily = maximumSeriesPerFamily
        self.maximumLabelBytes = maximumLabelBytes
        self.help = help
    }

    /// The bounds as a histogram needs them: finite, ascending, each once.
    var usableBuckets: [Double] {
        Set(buckets.filter(\.isFinite)).sorted()
    }
}
