/// How a connection ends, and what a shutdown tells of it.
extension ServerConnection {
    /// Whether the client can be sent away to make room: it has nothing running and never finished a call.
    var isEvictable: Bool { activeCalls == 0 && finishedCalls == 0 }

    /// The calls whose handlers run.
    func runningCalls(at now: UInt64) -> [RunningCall] {
        (streams.filter(\.isRunning) + orphans).map { stream in
            RunningCall(
                method: stream.head.route?.path ?? "",
                age: .nanoseconds(Int64(clamping: now > stream.began ? now - stream.began : 0)))
        }
    }

    /// Refuses the request that holds the most; false when none holds anything.
    func dropLargestRequest() -> Bool {
        let largest = streams.max { $0.request.bufferedBytes < $1.request.bufferedBytes }
        guard let largest, largest.request.bufferedBytes > 0 else { return false }
        reject(largest, RPCError(code: .resourceExhausted, message: "the server holds too many requests"))
        setNeedsFlush()
        return true
    }

    /// Begins the graceful end: a notice, a round trip, the final GOAWAY, the end of the running calls.
    func drain() {
        guard !isDraining, !isClosed else { return }
        isDraining = true
        session?.submitShutdownNotice()
        session?.submitPing([0x64, 0x72, 0x61, 0x69, 0x6E, 0x69, 0x6E, 0x67])
        let timer = LoopTimer { [self] in finishDraining() }
        loop.arm(timer, after: 100_000_000)
        setNeedsFlush()
    }

    func finishDraining() {
        guard !isFinalGoAwaySent, !isClosed else { return }
        isFinalGoAwaySent = true
        session?.submitGoAway(HTTP2ErrorCode.noError)
        setNeedsFlush()
    }

    /// Ends every call with an error, and cancels the handlers.
    func cancelAll() {
        for stream in streams {
            stream.fail(RPCError(code: .unavailable, message: "the server is shutting down"))
        }
        setNeedsFlush()
    }
}
