/// What a connection does about peers that take too long.
extension ServerConnection {
    /// Ends what took too long, and sets the timer for what may take too long next.
    func watch() {
        guard !isClosed else { return }
        let now = loop.now
        if !hasPreface {
            close()
            return
        }
        var next = UInt64.max
        /// Whether the time is up; if not, the timer must fire again by then.
        func isOver(_ since: UInt64, _ timeout: Duration) -> Bool {
            let (due, overflow) = since.addingReportingOverflow(timeout.boundedNanoseconds)
            if !overflow && due <= now { return true }
            if !overflow { next = min(next, due) }
            return false
        }
        if headersSince > 0 && isOver(headersSince, limits.headersTimeout) {
            session?.terminate(HTTP2ErrorCode.enhanceYourCalm)
            setNeedsFlush()
            return
        }
        for stream in streams {
            let rests = stream.head.route?.shape.streamsRequests == true && stream.request.isBetweenMessages
            if stream.hasHead && !stream.request.isEnded && !rests && stream.withheldWindow == 0
                && isOver(stream.lastProgress, limits.bodyTimeout)
            {
                reject(stream, RPCError(code: .cancelled, message: "the request did not arrive in time"))
            } else if stream.response.pendingBytes > 0 && isOver(stream.lastProgress, limits.answerTimeout) {
                session?.reset(stream.id, HTTP2ErrorCode.cancel)
            }
        }
        if let idle = limits.idleTimeout, activeCalls == 0, isOver(idleSince, idle) {
            drain()
        }
        setNeedsFlush()
        if next < .max, let watchdog { loop.arm(watchdog, after: next - now) }
    }
}
