import CSIProto

/// One call on the client.
///
/// Only the loop's thread touches it.
final class ClientStream: MessageStream {
    /// How a call ended.
    struct Ended: Sendable {
        var message: [UInt8]?
        var error: RPCError?
        var initialMetadata = Metadata()
        var trailingMetadata = Metadata()
    }

    /// Requests that wait to be sent before `send` makes the caller wait, in bytes.
    private static let roomBytes = 128 * 1024

    let connection: ClientConnection
    var id: Int32 = -1
    var head = ResponseHead()
    private(set) var requestIsComplete = false

    private var ended: Ended?
    private var framer = MessageFramer()
    private var deframer: MessageDeframer
    private var messages = MessageQueue<[UInt8]>()
    private var withheldWindow = 0
    private var readers: [Waiter] = []
    private var writers: [Waiter] = []
    private var timer: LoopTimer?

    // Set for a call with one answer, which is taken whole.
    private var completion: ((Ended) -> Void)?

    init(connection: ClientConnection, messageLimit: Int, completion: ((Ended) -> Void)?) {
        self.connection = connection
        self.completion = completion
        deframer = MessageDeframer(limit: messageLimit)
    }

    /// Ends the call when the time is over, whatever the server does.
    func armDeadline(_ nanoseconds: UInt64) {
        let timer = LoopTimer { [unowned self] in
            fail(RPCError(code: .deadlineExceeded, message: "the deadline passed"))
        }
        self.timer = timer
        connection.loop.arm(timer, after: nanoseconds)
    }

    // MARK: From the server

    /// Takes a part of the body.
    func receive(_ bytes: UnsafeRawBufferPointer) {
        guard ended == nil else { return }
        do throws(RPCError) {
            var rest = bytes
            while let message = try deframer.next(&rest) { messages.append(message) }
        } catch {
            fail(error)
            return
        }
        if completion != nil && messages.count > 1 {
            fail(RPCError(code: .internalError, message: "more than one message in an answer of one"))
            return
        }
        // The reader sets the pace: what it has not taken keeps the window small.
        withheldWindow += bytes.count
        giveBackWindow()
        if !messages.isEmpty { wake(&readers) }
    }

    private func giveBackWindow() {
        guard withheldWindow > 0, completion != nil || messages.isEmpty else { return }
        connection.session?.consumeStream(id, withheldWindow)
        withheldWindow = 0
        connection.setNeedsFlush()
    }

    /// Takes the end of a header block.
    func headersComplete(endsStream: Bool) {
        do throws(RPCError) {
            try head.endBlock(endsStream: endsStream)
        } catch {
            fail(error)
        }
    }

    /// The stream is gone, with this HTTP/2 code.
    func closed(_ code: UInt32) {
        var error = head.outcome(streamCode: code)
        if error == nil && !deframer.isBetweenMessages {
            error = RPCError(code: .internalError, message: "the answer ends in the middle of a message")
        }
        end(error)
    }

    /// Ends the call from this side, telling the server.
    func fail(_ error: RPCError) {
        guard ended == nil else { return }
        if id > 0 {
            connection.session?.reset(id, HTTP2ErrorCode.cancel)
            connection.setNeedsFlush()
        }
        end(error)
    }

    private func end(_ error: RPCError?) {
        guard ended == nil else { return }
        if let timer { connection.loop.disarm(timer) }
        timer = nil
        _ = framer.removeAll()
        var ended = Ended(
            message: nil, error: error, initialMetadata: head.initialMetadata, trailingMetadata: head.trailingMetadata)
        self.ended = ended
        if let completion {
            self.completion = nil
            ended.message = messages.take()
            if ended.error == nil && ended.message == nil {
                ended.error = RPCError(code: .internalError, message: "the answer has no message")
            }
            completion(ended)
        }
        wake(&readers)
        wake(&writers)
    }

    private func wake(_ waiters: inout [Waiter]) {
        guard !waiters.isEmpty else { return }
        let waiting = waiters
        waiters = []
        for waiter in waiting { waiter.resume() }
    }

    // MARK: From the caller

    func nextMessage() -> NextMessage {
        if let message = messages.take() {
            giveBackWindow()
            return .message(message)
        }
        guard let ended else { return .notYet }
        return ended.error.map { .failed($0) } ?? .end
    }

    func awaitMessage(_ waiter: Waiter) {
        if messages.isEmpty && ended == nil { readers.append(waiter) } else { waiter.resume() }
    }

    func send(_ frame: EncodedMessage) throws(RPCError) -> Bool {
        if let ended {
            throw ended.error ?? RPCError(code: .cancelled, message: "the server has ended the call")
        }
        guard !requestIsComplete else {
            throw RPCError(code: .failedPrecondition, message: "the requests of this call were ended before")
        }
        framer.append(frame)
        connection.resume(self)
        return framer.pendingBytes <= ClientStream.roomBytes
    }

    /// Sends the one request of a call.
    func sendWhole(_ frame: EncodedMessage) {
        guard ended == nil else { return }
        framer.append(frame)
        finishSending()
    }

    /// Says that no request follows.
    func finishSending() {
        guard ended == nil, !requestIsComplete else { return }
        requestIsComplete = true
        connection.resume(self)
    }

    func awaitRoom(_ waiter: Waiter) {
        if ended == nil && framer.pendingBytes > ClientStream.roomBytes / 2 {
            writers.append(waiter)
        } else {
            waiter.resume()
        }
    }

    /// Fills a DATA frame.
    func fill(_ target: UnsafeMutableRawBufferPointer) -> HTTP2Connection.Output {
        let count = framer.fill(target)
        if framer.pendingBytes <= ClientStream.roomBytes / 2 { wake(&writers) }
        if !framer.isEmpty { return .more(count) }
        return requestIsComplete ? .ended(count, trailers: false) : .paused(count)
    }
}
