/// One call on the client.
///
/// Only the loop's thread touches it.
final class ClientStream {
    /// How a call ended.
    struct Ended: Sendable {
        var messages: [[UInt8]]
        var error: RPCError?
        var initialMetadata: Metadata
        var trailingMetadata: Metadata
    }

    let connection: ClientConnection
    var id: Int32 = -1
    var head = ResponseHead()
    var framer = MessageFramer()
    var requestIsComplete = false
    private(set) var isEnded = false

    private var deframer: MessageDeframer
    private var messages: [[UInt8]] = []
    private var timer: LoopTimer?
    private var completion: ((Ended) -> Void)?

    init(connection: ClientConnection, messageLimit: Int, completion: @escaping (Ended) -> Void) {
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

    /// Takes a part of the body.
    func receive(_ bytes: UnsafeRawBufferPointer) {
        guard !isEnded else { return }
        do throws(RPCError) {
            try deframer.feed(bytes) { (message) throws(RPCError) in messages.append(message) }
        } catch {
            fail(error)
        }
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
        end(head.outcome(streamCode: code))
    }

    /// Ends the call from this side, telling the server.
    func fail(_ error: RPCError) {
        guard !isEnded else { return }
        if id > 0 {
            connection.session?.reset(id, HTTP2ErrorCode.cancel)
            connection.setNeedsFlush()
        }
        end(error)
    }

    private func end(_ error: RPCError?) {
        guard !isEnded else { return }
        isEnded = true
        if let timer { connection.loop.disarm(timer) }
        timer = nil
        _ = framer.removeAll()
        let ended = Ended(
            messages: messages, error: error, initialMetadata: head.initialMetadata,
            trailingMetadata: head.trailingMetadata)
        messages = []
        completion?(ended)
        completion = nil
    }
}
