public import CSICore
import CSIHostPath
import CSILoopback
import CSINFS
import CSIProgram

/// A backend of the stock programs as reference pages describe it.
public struct StockBackend: Sendable {
    /// What `--backend` calls it.
    public let name: String

    /// The keys of classes that it knows.
    public let parameters: [ParameterDescription]

    /// The metrics of its own.
    public let metrics: [MetricDescription]

    /// All backends that `--backend` can name.
    public static let all = [
        StockBackend(name: "hostpath", parameters: HostPathDriver.parameters, metrics: HostPathDriver.metrics),
        StockBackend(name: "loopback", parameters: LoopbackDriver.parameters, metrics: LoopbackDriver.metrics),
        StockBackend(name: "nfs", parameters: NFSDriver.parameters, metrics: NFSDriver.metrics),
    ]

    /// The metrics that every program exports, whatever its backend.
    public static var sharedMetrics: [MetricDescription] { MetricsPage.metrics(of: nil) + [CSIServer.figuresAge] }
}
