import CSIProto
import CSITransport
import Logging
import Tracing

/// The way of a request from its decoded message to its answer, the same for every method:
/// ready? -> validate -> keys (free, join or ABORTED) -> handler on the blocking executor -> answer, and around it the one
/// place that turns an error into a status, measures and writes the log line.
struct Pipeline: Sendable {
    let readiness: Readiness
    let executor: any TaskExecutor
    let records: CallRecords
    let tracing: CallTracing?
    let inFlight = InFlightTable()
    let unkeyed = UnkeyedCalls()

    /// Metrics and spans go to what is set up for this process, or task, when the pipeline is made.
    init(driverName: String, logger: Logger, readiness: Readiness, executor: any TaskExecutor) {
        self.readiness = readiness
        self.executor = executor
        records = CallRecords(logger: logger, metrics: CallMetrics(driverName: driverName))
        tracing = CallTracing()
    }

    /// Serves a call that the driver handles.
    func serve<Request: ValidatedRequest, Reply: Sendable>(
        _ method: String, _ wire: Request.Wire, _ context: RPCContext,
        handler: @escaping @Sendable (Request) async throws(CSIError) -> Reply
    ) async throws(RPCError) -> Reply {
        let call = records.begin(method, context)
        var subject: String?
        do throws(CSIError) {
            let reply = try await traced(call, context) { (span) async throws(CSIError) -> Reply in
                try readiness.requireReady()
                let request = try Request(validating: wire)
                subject = request.subject
                if let span { CallTracing.describe(request, in: span) }
                return try await run(call, request, until: context.deadline, handler: handler)
            }
            records.end(call, subject: subject, context, error: nil)
            return reply
        } catch {
            records.end(call, subject: subject, context, error: error)
            throw RPCError(code: error.code, message: error.message)
        }
    }

    /// Serves a call that the framework answers from what is at hand, on the thread that serves connections.
    func serveImmediately<Reply>(
        _ method: String, _ context: RPCContext, handler: () throws(CSIError) -> Reply
    ) throws(RPCError) -> Reply {
        let call = records.begin(method, context)
        do throws(CSIError) {
            let reply = if let tracing { try tracing.span(call.method, context, handler) } else { try handler() }
            records.end(call, subject: nil, context, error: nil)
            return reply
        } catch {
            records.end(call, subject: nil, context, error: error)
            throw RPCError(code: error.code, message: error.message)
        }
    }

    /// Serves a call whose answer may take a wait but no blocking, on the thread that serves connections.
    func serveQuickly<Reply: Sendable>(
        _ method: String, _ context: RPCContext, handler: () async throws(CSIError) -> Reply
    ) async throws(RPCError) -> Reply {
        let call = records.begin(method, context)
        do throws(CSIError) {
            let reply = try await traced(call, context) { (_) async throws(CSIError) -> Reply in try await handler() }
            records.end(call, subject: nil, context, error: nil)
            return reply
        } catch {
            records.end(call, subject: nil, context, error: error)
            throw RPCError(code: error.code, message: error.message)
        }
    }

    /// What runs now, oldest first, also what nobody waits for any more.
    var running: [InFlightTable.Entry] {
        (inFlight.entries + unkeyed.entries).sorted { $0.age > $1.age }
    }

    private func traced<Reply: Sendable>(
        _ call: Call, _ context: RPCContext, _ body: ((any Span)?) async throws(CSIError) -> Reply
    ) async throws(CSIError) -> Reply {
        guard let tracing else { return try await body(nil) }
        return try await tracing.span(call.method, context, body)
    }

    private func run<Request: ValidatedRequest, Reply: Sendable>(
        _ call: Call, _ request: Request, until deadline: ContinuousClock.Instant?,
        handler: @escaping @Sendable (Request) async throws(CSIError) -> Reply
    ) async throws(CSIError) -> Reply {
        let logger = records.logger(of: call)
        // A local function: a closure literal with typed throws cannot be passed on through generics by this compiler.
        @Sendable func logged(_ request: Request) async throws(CSIError) -> Reply {
            try await withLogger(logger) { (_) async throws(CSIError) in
                try await CallDeadline.with(deadline) { () async throws(CSIError) in try await handler(request) }
            }
        }
        guard request.keys.isEmpty, request.sharedKeys.isEmpty else {
            return try await inFlight.run(call, request, on: executor, body: logged)
        }
        return try await unkeyed.run(call) { () async throws(CSIError) in
            try await withTaskExecutorPreference(executor) { () async throws(CSIError) in
                try await logged(request)
            }
        }
    }
}
