/// What a connection holds of requests, and how it keeps peers from sending more.
extension ServerConnection {
    /// Whether the peer may send more of this request: not while the connection holds too much, except that the oldest
    /// incomplete request may always be completed, or nothing would ever move again.
    func mayGoOn(_ stream: ServerStream) -> Bool {
        // The handler of a streaming call sets the pace.
        if stream.head.route?.shape.streamsRequests == true && stream.request.hasMessage { return false }
        if requestBytes <= limits.requestBytesPerConnection { return true }
        guard waiting.isEmpty else { return false }
        return !streams.contains { $0.id < stream.id && !$0.request.isEnded && $0.request.bufferedBytes > 0 }
    }

    /// Books a change of the request bytes held.
    func requestBytesChanged(by change: Int) {
        guard change != 0 else { return }
        requestBytes += change
        core.requestBytesChanged(by: change)
        if change < 0 && withholding > 0 { giveBackWindows() }
    }

    /// Lets the peer send on in a stream, if it may.
    func giveBackWindow(_ stream: ServerStream) {
        guard stream.withheldWindow > 0, mayGoOn(stream) else { return }
        session?.consumeStream(stream.id, stream.withheldWindow)
        stream.withheldWindow = 0
        withholding -= 1
        setNeedsFlush()
    }

    func giveBackWindows() {
        for stream in streams { giveBackWindow(stream) }
    }

    /// Refuses a call for what its body is.
    func reject(_ stream: ServerStream, _ error: RPCError) {
        let before = stream.request.bufferedBytes
        stream.request.discard()
        requestBytesChanged(by: -before)
        core.rejected(stream, error)
        stream.fail(error)
    }
}
