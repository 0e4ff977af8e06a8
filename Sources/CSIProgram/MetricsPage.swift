import CSICore
import CSIMetrics
import CoreMetrics

/// The metrics of this process as a page, kept from the moment that this is made.
struct MetricsPage: Sendable {
    private let metrics: PrometheusMetrics

    /// Takes the place of the metrics system, once in a process.
    init() {
        metrics = PrometheusMetrics(configuration: .init(help: CSIServer.metricDescriptions))
        MetricsSystem.bootstrap(metrics)
    }

    /// Has the server's gauges brought up to date for each page.
    func show(_ server: CSIServer) {
        metrics.beforeRendering { server.refreshMetrics() }
    }

    static let contentType = PrometheusMetrics.contentType

    func bytes() -> [UInt8] { metrics.renderBytes() }
}
