public import CSIProto

/// The messages of a streaming call, in the order in which they were sent; one task reads them.
public struct RPCReader<Message: ProtoMessage>: Sendable, AsyncSequence {
    /// The iterator of a reader.
    public struct Iterator: AsyncIteratorProtocol {
        private let reader: RPCReader

        init(_ reader: RPCReader) {
            self.reader = reader
        }

        /// The next message; nil at the end.
        public mutating func next() async throws(RPCError) -> Message? {
            try await reader.next()
        }

        /// The next message; nil at the end.
        public mutating func next(isolation actor: isolated (any Actor)?) async throws(RPCError) -> Message? {
            try await reader.next()
        }
    }

    private let source: any MessageSource

    init(_ source: any MessageSource) {
        self.source = source
    }

    /// An iterator over the messages that were not read yet.
    public func makeAsyncIterator() -> Iterator { Iterator(self) }

    /// The next message; nil when the peer has sent its last one.
    ///
    /// - Throws: The call's error; INTERNAL when bytes are not a message.
    public func next() async throws(RPCError) -> Message? {
        guard let bytes = try await source.next() else { return nil }
        do throws(WireError) {
            return try Message(decoding: bytes)
        } catch {
            throw RPCError(
                code: .internalError, message: "received bytes that are not a \(Message.protoName): \(error)")
        }
    }
}
