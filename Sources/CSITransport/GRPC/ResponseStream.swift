import CSIProto

/// The response half of a call on the server: messages and a status in, steps and bytes out.
///
/// Pure.
struct ResponseStream {
    /// What the connection has to do next.
    enum Step {
        /// Nothing: the source will be asked again, or the call is over.
        case none

        /// Send the head; the source will be asked for what follows.
        case sendHead

        /// Tell the session that the source has something again.
        case resume

        /// Send head and status in one block that ends the stream.
        case sendTrailersOnly
    }

    /// What the source answers.
    enum Filled {
        case more(Int)
        case paused(Int)
        case ended(Int)
    }

    private enum Phase {
        case idle
        case streaming
        case finishing
        case over
    }

    private var phase = Phase.idle
    private var framer = MessageFramer()

    /// How the call failed; nil while it goes on, and when it is OK.
    private(set) var error: RPCError?

    /// The bytes that wait.
    var pendingBytes: Int { framer.pendingBytes }

    /// Whether the status is set: nothing may be added.
    var isFinished: Bool { phase == .finishing || phase == .over }

    /// Whether the head was not sent yet.
    var isIdle: Bool { phase == .idle }

    /// Adds a message.
    mutating func send(_ message: EncodedMessage) -> Step {
        switch phase {
        case .idle:
            phase = .streaming
            framer.append(message)
            return .sendHead
        case .streaming:
            let wasEmpty = framer.isEmpty
            framer.append(message)
            return wasEmpty ? .resume : .none
        case .finishing, .over:
            return .none
        }
    }

    /// Sets the status, after an optional last message.
    ///
    /// Only the first status counts.
    mutating func finish(_ message: EncodedMessage?, _ failure: RPCError?) -> Step {
        switch phase {
        case .idle:
            error = failure
            guard let message else {
                phase = .over
                return .sendTrailersOnly
            }
            phase = .finishing
            framer.append(message)
            return .sendHead
        case .streaming:
            error = failure
            phase = .finishing
            let wasEmpty = framer.isEmpty
            if let message { framer.append(message) }
            return wasEmpty ? .resume : .none
        case .finishing, .over:
            return .none
        }
    }

    /// Fills a DATA frame.
    mutating func fill(_ target: UnsafeMutableRawBufferPointer) -> Filled {
        let count = framer.fill(target)
        guard framer.isEmpty else { return .more(count) }
        switch phase {
        case .idle, .streaming: return .paused(count)
        case .finishing, .over:
            phase = .over
            return .ended(count)
        }
    }

    /// Drops what waits; answers how many bytes.
    mutating func abandon() -> Int {
        phase = .over
        return framer.isEmpty ? 0 : framer.removeAll()
    }
}
