import CSIProto

/// Where the messages of one direction go.
protocol MessageSink: Sendable {
    /// Sends a framed message, waiting while too much waits to be read by the peer.
    func send(_ frame: EncodedMessage) async throws(RPCError)

    /// Says that nothing follows.
    func finishSending() async
}

/// Where the messages of one direction come from.
protocol MessageSource: Sendable {
    /// The next message; nil at the end.
    func next() async throws(RPCError) -> [UInt8]?
}

/// What a stream says when it is asked for its next message.
enum NextMessage: Sendable {
    case message([UInt8])
    case end
    case failed(RPCError)
    case notYet
}

/// A stream as its readers and writers ask it, on the loop's thread.
protocol MessageStream: AnyObject, SendableMetatype {
    /// Takes the next message.
    func nextMessage() -> NextMessage

    /// Adds a message; false when the sender should wait for room.
    func send(_ frame: EncodedMessage) throws(RPCError) -> Bool

    /// Has `waiter` resumed when there is a message or the end: at once, if there is.
    func awaitMessage(_ waiter: Waiter)

    /// Has `waiter` resumed when there is room for another message: at once, if there is.
    func awaitRoom(_ waiter: Waiter)
}

extension LoopBound where Value: MessageStream {
    /// Sends a framed message from whatever thread, waiting for room after it.
    func send(_ frame: EncodedMessage) async throws(RPCError) {
        let sent = await ask { stream -> Result<Bool, RPCError> in
            do throws(RPCError) { return .success(try stream.send(frame)) } catch { return .failure(error) }
        }
        guard let sent else { throw RPCError(code: .unavailable, message: "the connection has ended") }
        if try sent.get() { return }
        let waiter = Waiter()
        await waiter.wait { waiter in
            if !tell({ $0.awaitRoom(waiter) }) { waiter.resume() }
        }
        if Task.isCancelled { throw RPCError(code: .cancelled, message: "the call was cancelled") }
    }

    /// Takes the next message from whatever thread, waiting for it.
    func next() async throws(RPCError) -> [UInt8]? {
        while true {
            switch await ask({ $0.nextMessage() }) {
            case .message(let bytes): return bytes
            case .end: return nil
            case .failed(let error): throw error
            case nil: throw RPCError(code: .unavailable, message: "the connection has ended")
            case .notYet: break
            }
            let waiter = Waiter()
            await waiter.wait { waiter in
                if !tell({ $0.awaitMessage(waiter) }) { waiter.resume() }
            }
            if Task.isCancelled { throw RPCError(code: .cancelled, message: "the call was cancelled") }
        }
    }
}
