public import CSICore
import CSIMetrics
import CoreMetrics

/// The metrics of this process as a page, kept from the moment that this is made.
public struct MetricsPage: Sendable {
    private let metrics: PrometheusMetrics
    private let process: ProcessMetrics

    /// Takes the place of the metrics system, once in a process.
    init(for driver: any CSIDriver) {
        let help = Dictionary(Self.metrics(of: driver).map { ($0.name, $0.help) }) { first, _ in first }
        metrics = PrometheusMetrics(configuration: .init(help: help))
        MetricsSystem.bootstrap(metrics)
        process = ProcessMetrics()
    }

    /// Every metric that a page can show, of a driver or, without one, of any.
    public static func metrics(of driver: (any CSIDriver)?) -> [MetricDescription] {
        CSIServer.metrics(of: driver) + ProcessMetrics.descriptions + [
            MetricDescription(
                PrometheusMetrics.droppedName, .counter,
                help: "Metrics that were folded or dropped because a limit was reached; shown once that has happened.")
        ]
    }

    /// Has the server's gauges brought up to date for each page.
    func show(_ server: CSIServer) {
        metrics.beforeRendering { [process] in
            server.refreshMetrics()
            process.update()
        }
    }

    static let contentType = PrometheusMetrics.contentType

    func bytes() -> [UInt8] { metrics.renderBytes() }
}
