/// What one metric is called and means, for help lines, reference pages and dashboards.
public struct MetricDescription: Sendable, Hashable {
    /// How its values are to be read.
    public enum Kind: String, Sendable, Hashable, CaseIterable {
        /// Only grows while the process runs.
        case counter
        /// Can go either way.
        case gauge
        /// How often values fell into ranges, their number and their sum.
        case histogram
    }

    /// The name, with its unit at the end where it has one: `_bytes`, `_seconds`.
    public let name: String

    /// How its values are to be read.
    public let kind: Kind

    /// The names of its labels, in the order in which ``DriverFigure/labels`` gives their values.
    public let labels: [String]

    /// What it means, in one sentence.
    public let help: String

    /// Describes a metric.
    /// - Parameters:
    ///   - name: Lower-case letters, digits and underscores, with the unit at the end.
    ///   - kind: How its values are to be read; what a driver reports is a gauge.
    ///   - labels: The names of its labels.
    ///   - help: What it means, in one sentence.
    public init(_ name: String, _ kind: Kind = .gauge, labels: [String] = [], help: String) {
        self.name = name
        self.kind = kind
        self.labels = labels
        self.help = help
    }

    /// The mounts of a driver's volumes on this node by their health, which is `normal`, `abnormal` or `hung`: shared by all
    /// drivers, so that one alert covers them.
    public static let volumeMounts = MetricDescription(
        "csi_volume_mounts", labels: ["health"],
        help: "Mounts of the driver's volumes in this mount namespace, by health: normal, abnormal or hung.")
}
