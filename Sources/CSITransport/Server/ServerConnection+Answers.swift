/// The header blocks of answers.
extension ServerConnection {
    /// Books what waits for the reader of a stream, which has just grown.
    func answerGrew(_ stream: ServerStream) {
        stream.head.route?.learn(answerBytes: stream.response.pendingBytes)
        commit(stream, to: max(1, stream.response.pendingBytes))
    }

    /// Sends the head of an answer.
    func sendHead(_ stream: ServerStream) {
        guard !stream.hasPlainHeaders else {
            session?.respond(stream.id, StaticHeaders.responseHead.fields, hasBody: true)
            return
        }
        var block = HeaderBlock()
        block.add(":status", "200")
        block.add("content-type", "application/grpc")
        block.add(stream.initialMetadata)
        block.withFields { _ = session?.respond(stream.id, $0, hasBody: true) }
    }

    /// Sends head and status in one block.
    func sendTrailersOnly(_ stream: ServerStream, httpStatus: Int) {
        var block = HeaderBlock()
        block.add(":status", String(httpStatus))
        block.add("content-type", "application/grpc")
        if stream.head.hasUnknownEncoding { block.add("grpc-accept-encoding", "identity") }
        block.add(stream.initialMetadata)
        addStatus(of: stream, to: &block)
        block.withFields { _ = session?.respond(stream.id, $0, hasBody: false) }
    }

    func addStatus(of stream: ServerStream, to block: inout HeaderBlock) {
        let error = stream.response.error
        block.add("grpc-status", String(error?.code.rawValue ?? 0))
        if let message = error?.message, !message.isEmpty {
            block.add("grpc-message") { PercentEncoding.append(message, to: &$0) }
        }
        block.add(stream.trailingMetadata)
        if let metadata = error?.metadata { block.add(metadata) }
    }
}
