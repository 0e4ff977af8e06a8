import Logging

/// Adds what names a call to every line, when there is a line.
///
/// Setting metadata on a logger for each call would copy a dictionary whether anything is logged or not.
struct CallLogHandler: LogHandler {
    private var base: any LogHandler
    private let call: Call

    init(_ base: any LogHandler, call: Call) {
        self.base = base
        self.call = call
    }

    var logLevel: Logger.Level {
        get { base.logLevel }
        set { base.logLevel = newValue }
    }

    var metadata: Logger.Metadata {
        get { base.metadata }
        set { base.metadata = newValue }
    }

    var metadataProvider: Logger.MetadataProvider? {
        get { base.metadataProvider }
        set { base.metadataProvider = newValue }
    }

    subscript(metadataKey key: String) -> Logger.MetadataValue? {
        get { base[metadataKey: key] }
        set { base[metadataKey: key] = newValue }
    }

    func log(event: LogEvent) {
        var event = event
        var metadata = event.metadata ?? [:]
        metadata["request_id"] = metadata["request_id"] ?? .stringConvertible(call.id)
        metadata["method"] = metadata["method"] ?? .string(call.method)
        if let trace = call.trace { metadata["trace_id"] = metadata["trace_id"] ?? .string(trace.traceID) }
        event.metadata = metadata
        base.log(event: event)
    }
}
