import CSIHost
import SystemPackage
import Tracing

/// Makes the spans.
struct HostTracing: Sendable {
    let tracer: any Tracer

    /// Runs one operation in a span.
    func span<Reply: Sendable>(
        _ operation: HostOperation, _ path: FilePath? = nil, program: String? = nil,
        _ body: () async throws(HostError) -> Reply
    ) async throws(HostError) -> Reply {
        let span: any Span = tracer.startSpan("host.\(operation.rawValue)", ofKind: .internal)
        defer { span.end() }
        if let path { span.attributes["host.path"] = path.description }
        if let program { span.attributes["host.program"] = program }
        do throws(HostError) {
            return try await body()
        } catch {
            span.attributes["host.error"] = "\(error.kind)"
            span.setStatus(SpanStatus(code: .error, message: error.description))
            throw error
        }
    }
}
