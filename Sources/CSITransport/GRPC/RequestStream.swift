/// The request half of a call on the server: bytes in, messages out, and the rules of gRPC between them.
///
/// Pure.
struct RequestStream {
    private enum Phase {
        case open
        case ended
    }

    private let takesMany: Bool
    private var deframer: MessageDeframer
    private var messages = MessageQueue<[UInt8]>()
    private var count = 0
    private var phase = Phase.open
    private var completeBytes = 0

    /// The start of a request of one message, or of many.
    init(takesMany: Bool, messageLimit: Int) {
        self.takesMany = takesMany
        deframer = MessageDeframer(limit: messageLimit)
    }

    /// Whether the peer has said that nothing follows.
    var isEnded: Bool { phase == .ended }

    /// Whether a message is complete and not taken.
    var hasMessage: Bool { !messages.isEmpty }

    /// Whether the bytes so far end between two messages.
    var isBetweenMessages: Bool { deframer.isBetweenMessages }

    /// The bytes held: of complete messages not taken, and of the incomplete one.
    var bufferedBytes: Int { completeBytes + deframer.bufferedBytes }

    /// Takes bytes of the body, keeping them in storage from `spares`.
    mutating func receive(
        _ bytes: UnsafeRawBufferPointer, using spares: inout SpareBuffers
    ) throws(RPCError) {
        var rest = bytes
        while let message = try deframer.next(&rest, using: &spares) { try add(message) }
    }

    private mutating func add(_ message: [UInt8]) throws(RPCError) {
        guard takesMany || count == 0 else {
            throw RPCError(code: .internalError, message: "more than one message in a call that takes one")
        }
        count += 1
        completeBytes += message.count
        messages.append(message)
    }

    /// Takes the end of the body.
    mutating func end() throws(RPCError) {
        phase = .ended
        guard deframer.isBetweenMessages else {
            throw RPCError(code: .internalError, message: "the request ends in the middle of a message")
        }
        guard takesMany || count == 1 else {
            throw RPCError(code: .internalError, message: "the request has no message")
        }
    }

    /// Takes the next message out.
    mutating func take() -> [UInt8]? {
        guard let message = messages.take() else { return nil }
        completeBytes -= message.count
        return message
    }

    /// Drops everything that is held.
    mutating func discard() {
        deframer = MessageDeframer(limit: deframer.limit)
        messages.removeAll()
        completeBytes = 0
    }
}
