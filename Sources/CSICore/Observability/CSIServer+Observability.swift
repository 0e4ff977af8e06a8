public import Logging

extension CSIServer {
    /// What the metrics of a server mean, by name, for a page's help lines.
    ///
    /// `csi_plugin_operations_seconds{driver_name,method_name,grpc_status_code}`,
    /// `csi_plugin_operations_in_flight{method_name}` and `csi_plugin_oldest_operation_seconds`. They go to the
    /// `MetricsSystem` that is set up when the server is created.
    public static var metricDescriptions: [String: String] { CallMetrics.descriptions }

    /// Sets the gauges to what runs now.
    ///
    /// Call it before metrics are shown or sent; a few microseconds, never blocks on a call that hangs.
    public func refreshMetrics() {
        pipeline.records.metrics?.update(pipeline.running)
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
