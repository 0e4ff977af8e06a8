import CSITransport
import Logging

/// What is written down about calls: one line and one measurement each.
struct CallRecords: Sendable {
    private let logger: Logger
    private let requestIDs = RequestIDs()
    let metrics: CallMetrics?

    init(logger: Logger, metrics: CallMetrics?) {
        self.logger = logger
        self.metrics = metrics
    }

    /// A call that begins.
    func begin(_ method: String, _ context: RPCContext) -> Call {
        Call(
            method: method, path: context.method, id: requestIDs.next(), trace: TraceParent(context.metadata),
            startedAt: .now)
    }

    /// The logger of everything that is done for a call.
    func logger(of call: Call) -> Logger {
        Logger(label: logger.label) { _ in CallLogHandler(logger.handler, call: call) }
    }

    /// Notes a call that has been answered.
    func end(_ call: Call, subject: String?, _ context: RPCContext, error: CSIError?) {
        let level = Self.level(of: error, isRoutine: call.isRoutine)
        guard logger.logLevel <= level || metrics != nil else { return }
        let duration = ContinuousClock.now - call.startedAt
        let code = Self.code(of: error, context)
        metrics?.record(path: call.path, code: code, after: duration)
        guard logger.logLevel <= level else { return }
        var metadata: Logger.Metadata = [
            "request_id": .stringConvertible(call.id), "method": .string(call.method), "code": .string(code.name),
            "duration_ms": .string(duration.inMilliseconds),
        ]
        if let trace = call.trace { metadata["trace_id"] = .string(trace.traceID) }
        if let subject { metadata["subject"] = .string(subject) }
        if let error { metadata["error"] = .string(error.message) }
        if let peer = context.peer { metadata["peer_pid"] = .stringConvertible(peer.processID) }
        logger.log(level: level, "call", metadata: metadata)
    }

    /// Notes a call that the transport refused before any handler.
    func reject(path: String, error: RPCError) {
        metrics?.record(path: path, code: error.code, after: .zero)
        logger.warning(
            "call refused",
            metadata: ["path": "\(path)", "code": "\(error.code.name)", "error": "\(error.message)"])
    }

    /// What the caller sees: one that leaves at its deadline has not changed its mind.
    private static func code(of error: CSIError?, _ context: RPCContext) -> RPCCode {
        guard let error else { return .ok }
        // The caller's clock started a little before ours.
        if error.code == .cancelled, let deadline = context.deadline, deadline <= .now + .milliseconds(50) {
            return .deadlineExceeded
        }
        return error.code
    }

    /// Our faults are errors, what the caller can mend is a warning, what goes by itself is information.
    private static func level(of error: CSIError?, isRoutine: Bool) -> Logger.Level {
        switch error?.code {
        case nil: isRoutine ? .trace : .info
        case .internalError?, .unknown?, .dataLoss?: .error
        case .aborted?, .cancelled?, .deadlineExceeded?, .unavailable?: .info
        default: .warning
        }
    }
}

extension Duration {
    /// For log lines: milliseconds with three decimals.
    var inMilliseconds: String {
        let micros = components.seconds * 1_000_000 + components.attoseconds / 1_000_000_000_000
        let rest = String(micros % 1000)
        return "\(micros / 1000)." + String(repeating: "0", count: max(0, 3 - rest.utf8.count)) + rest
    }
}
