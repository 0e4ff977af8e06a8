public import CSIProto

/// Sends the messages of a streaming call, one after the other.
public struct RPCWriter<Message: ProtoMessage>: Sendable {
    private let sink: any MessageSink

    init(_ sink: any MessageSink) {
        self.sink = sink
    }

    /// Sends a message.
    ///
    /// Waits while the reader is slow, so that what is held stays bounded.
    ///
    /// - Throws: CANCELLED, UNAVAILABLE or the call's own error when the call is over.
    public func send(_ message: Message) async throws(RPCError) {
        try await sink.send(message.encodedFrame())
    }

    /// Says that no message follows.
    ///
    /// On a client the server's handler sees the end of its requests. On a server it does nothing: an answer ends with
    /// its handler.
    public func finish() async {
        await sink.finishSending()
    }
}
