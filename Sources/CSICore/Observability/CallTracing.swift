import CSITransport
import Instrumentation
import Tracing

/// Spans around calls, children of the caller's when it sent its own.
struct CallTracing: Sendable {
    private let tracer: any Tracer
    private let instrument: any Instrument

    /// The tracing of this process; nil when none is set up, so that a call costs nothing then.
    init?() {
        let tracer = InstrumentationSystem.tracer
        guard !(tracer is NoOpTracer) else { return nil }
        self.tracer = tracer
        instrument = InstrumentationSystem.instrument
    }

    /// Runs `body` in a span, which is the context of everything that it starts.
    func span<Reply: Sendable>(
        _ method: String, _ context: RPCContext, _ body: (any Span) async throws(CSIError) -> Reply
    ) async throws(CSIError) -> Reply {
        let span = start(method, context)
        defer { span.end() }
        // `withValue` rethrows without a type.
        let outcome = await ServiceContext.withValue(span.context) { () async -> Result<Reply, CSIError> in
            do throws(CSIError) {
                return .success(try await body(span))
            } catch {
                return .failure(error)
            }
        }
        return try Self.note(outcome, in: span)
    }

    /// Runs `body`, which does not wait, in a span.
    func span<Reply>(
        _ method: String, _ context: RPCContext, _ body: () throws(CSIError) -> Reply
    ) throws(CSIError) -> Reply {
        let span = start(method, context)
        defer { span.end() }
        let outcome = ServiceContext.withValue(span.context) { () -> Result<Reply, CSIError> in
            do throws(CSIError) {
                return .success(try body())
            } catch {
                return .failure(error)
            }
        }
        return try Self.note(outcome, in: span)
    }

    private static func note<Reply>(_ outcome: Result<Reply, CSIError>, in span: any Span) throws(CSIError) -> Reply {
        switch outcome {
        case .success(let reply):
            span.attributes["rpc.grpc.status_code"] = RPCCode.ok.rawValue
            return reply
        case .failure(let error):
            span.attributes["rpc.grpc.status_code"] = error.code.rawValue
            span.setStatus(SpanStatus(code: .error, message: error.message))
            throw error
        }
    }

    /// Says in a span which volume a request is about, or which other thing.
    static func describe(_ request: some ValidatedRequest, in span: any Span) {
        if let volume = request as? any VolumeIdentifying {
            span.attributes["csi.volume_id"] = volume.id.rawValue
        } else if let subject = request.subject {
            span.attributes["csi.subject"] = subject
        }
    }

    private func start(_ method: String, _ context: RPCContext) -> any Span {
        var parent = ServiceContext.topLevel
        instrument.extract(context.metadata, into: &parent, using: MetadataExtractor())
        let name = String(context.method.drop { $0 == "/" })
        let span: any Span = tracer.startSpan(name, context: parent, ofKind: .server)
        span.updateAttributes { attributes in
            attributes["rpc.system"] = "grpc"
            attributes["rpc.service"] = String(name.prefix { $0 != "/" })
            attributes["rpc.method"] = method
        }
        return span
    }
}

/// Reads trace fields of a call; a `traceparent` that is not well formed, and what belongs to it, is not there.
struct MetadataExtractor: Extractor {
    func extract(key: String, from metadata: Metadata) -> String? {
        switch key {
        case TraceParent.fieldName: TraceParent(metadata)?.text
        case "tracestate": TraceParent(metadata) == nil ? nil : metadata[key]
        default: metadata[key]
        }
    }
}
