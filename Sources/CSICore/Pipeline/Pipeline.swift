import CSIProto
import CSITransport
import Logging

/// The way of a request from its decoded message to its answer, the same for every method:
/// ready? -> validate -> keys (free, join or ABORTED) -> handler on the blocking executor -> answer, and around it the one
/// place that turns an error into a status and writes the log line.
struct Pipeline: Sendable {
    let logger: Logger
    let readiness: Readiness
    let executor: any TaskExecutor
    let inFlight = InFlightTable()
    let requestIDs = RequestIDs()

    /// Serves a call that the driver handles.
    func serve<Request: ValidatedRequest, Reply: Sendable>(
        _ method: String, _ wire: Request.Wire, _ context: RPCContext,
        handler: @escaping @Sendable (Request) async throws(CSIError) -> Reply
    ) async throws(RPCError) -> Reply {
        let startedAt = ContinuousClock.now
        let id = requestIDs.next()
        var subject: String?
        do throws(CSIError) {
            try readiness.requireReady()
            let request = try Request(validating: wire)
            subject = request.subject
            let reply = try await run(method, request, logger: callLogger(id, method), handler: handler)
            record(method, subject: subject, id: id, context, since: startedAt, error: nil)
            return reply
        } catch {
            record(method, subject: subject, id: id, context, since: startedAt, error: error)
            throw RPCError(code: error.code, message: error.message)
        }
    }

    /// Serves a call that the framework answers at once, on the thread that serves connections.
    func serveQuickly<Reply: Sendable>(
        _ method: String, _ context: RPCContext, handler: () async throws(CSIError) -> Reply
    ) async throws(RPCError) -> Reply {
        do throws(CSIError) {
            let reply = try await handler()
            if logger.logLevel <= .trace { recordQuick(method, context, error: nil) }
            return reply
        } catch {
            recordQuick(method, context, error: error)
            throw RPCError(code: error.code, message: error.message)
        }
    }

    /// Notes a call that the transport refused before any handler.
    func recordRejection(path: String, error: RPCError) {
        logger.warning(
            "call refused",
            metadata: ["path": "\(path)", "code": "\(error.code.name)", "error": "\(error.message)"])
    }

    private func run<Request: ValidatedRequest, Reply: Sendable>(
        _ method: String, _ request: Request, logger: Logger,
        handler: @escaping @Sendable (Request) async throws(CSIError) -> Reply
    ) async throws(CSIError) -> Reply {
        // A local function: a closure literal with typed throws cannot be passed on through generics by this compiler.
        @Sendable func logged(_ request: Request) async throws(CSIError) -> Reply {
            try await withLogger(logger) { (_) async throws(CSIError) in try await handler(request) }
        }
        guard request.keys.isEmpty, request.sharedKeys.isEmpty else {
            return try await inFlight.run(method, request, on: executor, body: logged)
        }
        return try await withTaskExecutorPreference(executor) { () async throws(CSIError) in
            try await logged(request)
        }
    }

    private func callLogger(_ id: String, _ method: String) -> Logger {
        var logger = logger
        logger[metadataKey: "request_id"] = "\(id)"
        logger[metadataKey: "method"] = "\(method)"
        return logger
    }

    private func record(
        _ method: String, subject: String?, id: String, _ context: RPCContext, since start: ContinuousClock.Instant,
        error: CSIError?
    ) {
        let level = Self.level(of: error)
        guard logger.logLevel <= level else { return }
        var metadata: Logger.Metadata = [
            "request_id": "\(id)", "method": "\(method)", "code": "\(error?.code.name ?? "OK")",
            "duration_ms": "\((ContinuousClock.now - start).inMilliseconds)",
        ]
        if let subject { metadata["subject"] = "\(subject)" }
        if let error { metadata["error"] = "\(error.message)" }
        if let peer = context.peer { metadata["peer_pid"] = "\(peer.processID)" }
        logger.log(level: level, "call", metadata: metadata)
    }

    private func recordQuick(_ method: String, _ context: RPCContext, error: CSIError?) {
        let id = requestIDs.next()
        if let error {
            record(method, subject: nil, id: id, context, since: .now, error: error)
        } else {
            logger.trace("call", metadata: ["request_id": "\(id)", "method": "\(method)", "code": "OK"])
        }
    }

    /// Our faults are errors, what the caller can mend is a warning, what goes by itself is information.
    private static func level(of error: CSIError?) -> Logger.Level {
        switch error?.code {
        case nil: .info
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
