public import Logging

extension CSIServer {
    /// What the metrics of a server mean, and those of its driver where that reports some.
    ///
    /// They go to the `MetricsSystem` that is set up when the server is created.
    public static func metrics(of driver: (any CSIDriver)?) -> [MetricDescription] {
        let own = CallMetrics.descriptions + ServerMetrics.descriptions
        guard let driver = driver as? any MetricsReporting else { return own }
        return own + [figuresAge] + type(of: driver).metrics
    }

    /// The metric that says how old a driver's own figures are.
    public static var figuresAge: MetricDescription { DriverFigures.ageDescription }

    /// Sets the gauges to what runs now.
    ///
    /// Call it before metrics are shown or sent; a few microseconds, never blocks on a call that hangs.
    public func refreshMetrics() {
        pipeline.records.metrics?.update(pipeline.running)
        metrics?.update(isReady: isReady)
        figures?.updateAge()
    }

    /// Logs one line for each operation that runs, oldest first: its method, keys, age, request id and how many callers
    /// wait for it.
    ///
    /// Operations whose callers have all given up are listed as well, with no waiters.
    /// - Parameters:
    ///   - reason: The message of the lines.
    ///   - level: Their level.
    public func dumpRunningOperations(_ reason: String = "running", level: Logger.Level = .notice) {
        let entries = pipeline.running
        logger.log(level: level, "operations \(reason)", metadata: ["count": "\(entries.count)"])
        for entry in entries {
            var metadata: Logger.Metadata = [
                "request_id": .stringConvertible(entry.call.id), "method": .string(entry.call.method),
                "age": .string(entry.age.inSeconds), "waiters": .stringConvertible(entry.waiters),
            ]
            if !entry.keys.isEmpty {
                metadata["keys"] = .string(entry.keys.map(\.description).joined(separator: ", "))
            }
            if let trace = entry.call.trace { metadata["trace_id"] = .string(trace.traceID) }
            logger.log(level: level, "operation \(reason)", metadata: metadata)
        }
    }
}
