/// When handlers start: while the reader of a connection leaves answers lying, no large ones are added.
extension ServerConnection {
    /// Starts the handler, or has it wait while the connection's reader leaves answers lying.
    func admit(_ stream: ServerStream) {
        if hasRoom(for: stream) { begin(stream) } else { waiting.append(stream) }
    }

    func hasRoom(for stream: ServerStream) -> Bool {
        let expected = stream.head.route?.expectedAnswerBytes ?? 0
        // A small answer never waits behind large ones: all of a connection's calls together are a few hundred KiB.
        if committedAnswerBytes == 0 || expected <= 4_096 { return true }
        return committedAnswerBytes + expected <= limits.answerBytesPerConnection
            && core.answerBytes + expected <= limits.answerBytes
    }

    func begin(_ stream: ServerStream) {
        guard let route = stream.head.route else { return }
        commit(stream, to: max(1, route.expectedAnswerBytes))
        core.callBegan()
        stream.start(route)
    }

    func commit(_ stream: ServerStream, to bytes: Int) {
        let change = bytes - stream.committedBytes
        stream.committedBytes = bytes
        committedAnswerBytes += change
        core.answerBytes += change
    }

    func admitWaiting() {
        var next = 0
        while next < waiting.count, hasRoom(for: waiting[next]) {
            let stream = waiting[next]
            next += 1
            if !stream.isClosed && !stream.response.isFinished { begin(stream) }
        }
        if next > 0 {
            waiting.removeFirst(next)
            if withholding > 0 { giveBackWindows() }
        }
    }

    /// The task of a call has ended.
    func handlerEnded(_ stream: ServerStream) {
        core.callEnded()
        finishedCalls += 1
        if stream.isClosed {
            orphans.removeAll { $0 === stream }
            core.orphanEnded(on: self)
        } else {
            // A handler that ended without a status would leave its caller waiting for ever.
            stream.finish(
                message: nil, error: RPCError(code: .internalError, message: "the handler ended without an answer"))
        }
    }
}
