import CSIProto

/// A streaming call as its caller's task sees it.
struct ClientCall: Sendable, MessageSink, MessageSource {
    let bound: LoopBound<ClientStream>

    func send(_ frame: EncodedMessage) async throws(RPCError) {
        try await bound.send(frame)
    }

    func next() async throws(RPCError) -> [UInt8]? {
        try await bound.next()
    }

    func finishSending() async {
        bound.tell { $0.finishSending() }
    }

    /// Ends the call; nothing happens when it has ended.
    func cancel() {
        bound.tell { $0.fail(RPCError(code: .cancelled, message: "the caller cancelled the call")) }
    }
}
