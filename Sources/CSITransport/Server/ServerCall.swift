import CSIProto

/// A call as its handler's task sees it: what it asks of the I/O thread, from whatever thread it is on.
struct ServerCall: Sendable {
    private let bound: LoopBound<ServerStream>

    init(_ stream: ServerStream, on loop: EventLoop) {
        bound = LoopBound(stream, on: loop)
    }

    /// What the handler is told.
    ///
    /// Only on the I/O thread.
    var context: RPCContext {
        bound.value.makeContext(self)
    }

    /// The one request message, decoded.
    ///
    /// Only on the I/O thread.
    func takeRequest<Request: ProtoMessage>() throws(RPCError) -> Request {
        let bytes = bound.value.takeMessage()
        let decoded = bytes.withUnsafeBytes { buffer -> Result<Request, WireError> in
            do throws(WireError) { return .success(try Request(decoding: buffer)) } catch { return .failure(error) }
        }
        switch decoded {
        case .success(let request): return request
        case .failure(let error):
            let message = "the request is not a \(Request.protoName): \(error)"
            throw bound.value.rejected(RPCError(code: .internalError, message: message))
        }
    }

    /// Answers with one message and OK.
    func finish(with frame: EncodedMessage) {
        onLoop { $0.finish(message: frame, error: nil) }
    }

    /// Answers with an error, or with OK when there is none.
    func finish(throwing error: RPCError?) {
        onLoop { $0.finish(message: nil, error: error) }
    }

    /// Sets the metadata before the answer.
    func setInitialMetadata(_ metadata: Metadata) {
        onLoop { $0.initialMetadata = metadata }
    }

    /// Sets the metadata after the answer.
    func setTrailingMetadata(_ metadata: Metadata) {
        onLoop { $0.trailingMetadata = metadata }
    }

    /// Says that the handler's task is over.
    func handlerEnded() {
        onLoop { $0.handlerEnded() }
    }

    @inline(__always)
    private func onLoop(_ body: @escaping @Sendable (ServerStream) -> Void) {
        if bound.loop.isCurrent {
            body(bound.value)
        } else {
            bound.loop.submit { [bound] in body(bound.value) }
        }
    }
}
