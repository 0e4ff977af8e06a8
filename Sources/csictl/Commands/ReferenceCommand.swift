import ArgumentParser
import CSICore
import CSIMain

/// What the reference pages are made from; for `dev/generate-reference` and nobody else.
struct ReferenceCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reference", abstract: "Prints the parameters and metrics of all backends as JSON.",
        shouldDisplay: false)

    private struct Metric: Encodable {
        let name: String
        let type: String
        let labels: [String]
        let help: String
        let backends: [String]
    }

    private struct Parameter: Encodable {
        let name: String
        let scope: String
        let values: String
        let defaultValue: String
        let help: String
    }

    private struct Backend: Encodable {
        let name: String
        let parameters: [Parameter]
    }

    private struct Report: Encodable {
        let backends: [Backend]
        let metrics: [Metric]
    }

    func run() async throws {
        var metrics = StockBackend.sharedMetrics.map { Self.metric($0, []) }
        var seen: Set<String> = []
        for metric in StockBackend.all.flatMap(\.metrics) where seen.insert(metric.name).inserted {
            let backends = StockBackend.all.filter { $0.metrics.contains(metric) }.map(\.name)
            metrics.append(Self.metric(metric, backends))
        }
        let backends = StockBackend.all.map { backend in
            Backend(
                name: backend.name,
                parameters: backend.parameters.map {
                    Parameter(
                        name: $0.name, scope: $0.scope.rawValue, values: $0.values, defaultValue: $0.defaultValue,
                        help: $0.help)
                })
        }
        try Output.json(Report(backends: backends, metrics: metrics))
    }

    private static func metric(_ metric: MetricDescription, _ backends: [String]) -> Metric {
        Metric(
            name: metric.name, type: metric.kind.rawValue, labels: metric.labels, help: metric.help, backends: backends)
    }
}
