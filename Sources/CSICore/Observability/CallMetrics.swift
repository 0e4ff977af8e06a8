import CSILock
import CSIProto
import CSITransport
import CoreMetrics
import Synchronization

/// What is measured of every call.
///
/// The handles are made once for each method and code, so that a call costs a look-up and no text.
final class CallMetrics: Sendable {
    /// What the metrics mean.
    static let descriptions = [
        MetricDescription(
            operationsName, .histogram, labels: ["driver_name", "method_name", "grpc_status_code"],
            help: "How long CSI calls took, by method and gRPC status code, in seconds."),
        MetricDescription(
            inFlightName, labels: ["method_name"],
            help: "CSI operations that run now, also those whose callers have given up."),
        MetricDescription(
            oldestName, help: "Age of the oldest CSI operation that runs, in seconds; 0 when none does."),
        MetricDescription(stuckName, help: "CSI operations that have run for more than two minutes."),
    ]

    private static let operationsName = "csi_plugin_operations_seconds"
    private static let inFlightName = "csi_plugin_operations_in_flight"
    private static let oldestName = "csi_plugin_oldest_operation_seconds"
    private static let stuckName = "csi_plugin_stuck_operations"

    /// Longer than a kubelet waits for any call, and than the driver's own deadlines.
    private static let stuckAge = Duration.seconds(120)

    /// The timers of one method, each made when its code first occurs.
    private final class Method: Sendable {
        let path: String
        private let timers = (0..<RPCCode.metricNameCount).map { _ in Slot() }

        private final class Slot: Sendable {
            let timer = AtomicLazyReference<Timer>()
        }

        init(path: String) {
            self.path = path
        }

        func timer(_ code: RPCCode, driver: String, factory: any MetricsFactory) -> Timer {
            let index = timers.indices.contains(code.rawValue) ? code.rawValue : RPCCode.unknown.rawValue
            let slot = timers[index]
            return slot.timer.load()
                ?? slot.timer.storeIfNil(
                    Timer(
                        label: operationsName,
                        dimensions: [
                            ("driver_name", driver), ("method_name", path), ("grpc_status_code", code.metricName),
                        ], factory: factory))
        }
    }

    private let driverName: String
    private let factory: any MetricsFactory
    private let methods: [String: Method]
    /// What peers make up is counted under one name.
    private let unknown = Method(path: "unknown")
    private let inFlight = Guarded<[String: Meter]>([:])
    private let oldest: Meter
    private let stuck: Meter

    /// The metrics of a driver; nil when nobody collects any.
    init?(driverName: String, factory: any MetricsFactory = MetricsSystem.factory) {
        guard !(factory is NOOPMetricsHandler) else { return nil }
        self.driverName = driverName
        self.factory = factory
        let paths =
            CSIv1.Identity.methods + CSIv1.Controller.methods + CSIv1.GroupController.methods
            + CSIv1.SnapshotMetadata.methods + CSIv1.Node.methods
        methods = Dictionary(paths.map { ($0, Method(path: $0)) }, uniquingKeysWith: { first, _ in first })
        oldest = Meter(label: Self.oldestName, factory: factory)
        stuck = Meter(label: Self.stuckName, factory: factory)
    }

    /// Notes a call that has ended.
    func record(path: String, code: RPCCode, after duration: Duration) {
        let method = methods[path] ?? unknown
        let (seconds, attoseconds) = duration.components
        let nanoseconds = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        method.timer(code, driver: driverName, factory: factory)
            .recordNanoseconds(
                nanoseconds.overflow ? .max : nanoseconds.partialValue &+ attoseconds / 1_000_000_000)
    }

    /// Sets the gauges to what runs now.
    func update(_ entries: [InFlightTable.Entry]) {
        var counts: [String: Int] = [:]
        for entry in entries { counts[entry.call.path, default: 0] += 1 }
        inFlight.withLock { meters in
            for path in counts.keys where meters[path] == nil {
                meters[path] = Meter(label: Self.inFlightName, dimensions: [("method_name", path)], factory: factory)
            }
            for (path, meter) in meters { meter.set(counts[path] ?? 0) }
        }
        let age = entries.map(\.age).max() ?? .zero
        oldest.set(age / .seconds(1))
        stuck.set(entries.count { $0.age > Self.stuckAge })
    }
}
