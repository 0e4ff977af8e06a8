import CSIProto

/// A call as its handler's task sees it: what it asks of the I/O thread, from whatever thread it is on.
struct ServerCall: Sendable, MessageSink, MessageSource {
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
        guard bound.loop.isCurrent else {
            throw RPCError(code: .unavailable, message: "the server has ended")
        }
        let stream = bound.value
        let bytes = stream.takeMessage() ?? []
        do throws(WireError) {
            let request = try Request(decoding: bytes)
            if !bytes.isEmpty { stream.connection.core.spareBuffers.keep(consume bytes) }
            return request
        } catch {
            let message = "the request is not a \(Request.protoName): \(error)"
            throw stream.rejected(RPCError(code: .internalError, message: message))
        }
    }

    /// Answers with one message and OK.
    func finish(with frame: EncodedMessage) {
        if bound.loop.isCurrent {
            bound.value.finish(message: frame, error: nil)
        } else {
            bound.tell { $0.finish(message: frame, error: nil) }
        }
    }

    /// Answers with an error, or with OK when there is none.
    func finish(throwing error: RPCError?) {
        bound.tell { $0.finish(message: nil, error: error) }
    }

    /// Sets the metadata before the answer.
    func setInitialMetadata(_ metadata: Metadata) {
        bound.tell { $0.initialMetadata = metadata }
    }

    /// Sets the metadata after the answer.
    func setTrailingMetadata(_ metadata: Metadata) {
        bound.tell { $0.trailingMetadata = metadata }
    }

    /// Says that the handler's task is over.
    func handlerEnded() {
        if bound.loop.isCurrent {
            bound.value.handlerEnded()
        } else {
            bound.tell { $0.handlerEnded() }
        }
    }

    func send(_ frame: EncodedMessage) async throws(RPCError) {
        try await bound.send(frame)
    }

    func next() async throws(RPCError) -> [UInt8]? {
        try await bound.next()
    }

    func finishSending() async {}
}
