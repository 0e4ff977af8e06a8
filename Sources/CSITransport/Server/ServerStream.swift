import CSIProto

/// One call on the server: its request, its handler's task and its answer.
///
/// Only the loop's thread touches it.
final class ServerStream: MessageStream {
    // Exclusivity is unchecked for the reason given in `ServerConnection`.

    let id: Int32
    let connection: ServerConnection

    /// Its place in the connection's list.
    @exclusivity(unchecked) var slot = 0

    @exclusivity(unchecked) var head = RequestHead()
    @exclusivity(unchecked) var request: RequestStream
    @exclusivity(unchecked) var response = ResponseStream()

    /// When a byte of it last moved, in nanoseconds.
    @exclusivity(unchecked) var lastProgress: UInt64

    /// When it began.
    let began: UInt64

    /// Bytes taken of the stream's window and not given back, because the connection holds too much.
    @exclusivity(unchecked) var withheldWindow = 0

    /// The share of the connection's answer budget that it holds: the expected size, then the real one.
    @exclusivity(unchecked) var committedBytes = 0

    /// Whether the header block is complete.
    @exclusivity(unchecked) var hasHead = false

    /// Whether the stream is gone.
    @exclusivity(unchecked) private(set) var isClosed = false

    /// Whether the handler's task runs.
    @exclusivity(unchecked) private(set) var isRunning = false

    /// What few calls have: kept apart, so that the others neither set it up nor tear it down.
    private final class Extras {
        var initialMetadata = Metadata()
        var trailingMetadata = Metadata()
        var failure: RPCError?
        var readers: [Waiter] = []
        var writers: [Waiter] = []
        var deadline: ContinuousClock.Instant?
        var deadlineTimer: LoopTimer?
    }

    @exclusivity(unchecked) private var extras: Extras?
    @exclusivity(unchecked) private var task: Task<Void, Never>?

    init(id: Int32, connection: ServerConnection, messageLimit: Int) {
        self.id = id
        self.connection = connection
        request = RequestStream(takesMany: false, messageLimit: messageLimit)
        began = connection.loop.now
        lastProgress = began
    }

    private func needExtras() -> Extras {
        if let extras { return extras }
        let made = Extras()
        extras = made
        return made
    }

    /// The custom metadata before the answer.
    var initialMetadata: Metadata {
        get { extras?.initialMetadata ?? Metadata() }
        set { needExtras().initialMetadata = newValue }
    }

    /// The custom metadata after the answer.
    var trailingMetadata: Metadata {
        get { extras?.trailingMetadata ?? Metadata() }
        set { needExtras().trailingMetadata = newValue }
    }

    /// Whether the answer needs no header fields but the usual ones.
    var hasPlainHeaders: Bool { extras == nil }

    /// Why nothing more can be read or written: the peer broke a rule, or is gone.
    var failure: RPCError? {
        if let failure = extras?.failure { return failure }
        return isClosed ? RPCError(code: .cancelled, message: "the caller is gone") : nil
    }

    // MARK: The handler

    /// Sets the timer of `grpc-timeout`.
    func armDeadline(_ nanoseconds: UInt64) {
        let timer = LoopTimer { [unowned self] in deadlinePassed() }
        let extras = needExtras()
        extras.deadlineTimer = timer
        extras.deadline = .now + .nanoseconds(Int64(clamping: nanoseconds))
        connection.loop.arm(timer, after: nanoseconds)
    }

    private func deadlinePassed() {
        fail(RPCError(code: .deadlineExceeded, message: "the deadline passed"))
    }

    /// Starts the handler's task.
    func start(_ route: Route) {
        isRunning = true
        let loop = connection.loop
        let call = ServerCall(self, on: loop)
        switch route.handler {
        case .immediate(let run):
            run(call)
            handlerEnded()
        case .task(let run):
            task = connection.core.tasks.run(run, call)
        }
    }

    /// The task has ended.
    func handlerEnded() {
        guard isRunning else { return }
        isRunning = false
        task = nil
        connection.handlerEnded(self)
    }

    /// Cancels the handler's task.
    func cancelHandler() {
        task?.cancel()
    }

    func makeContext(_ call: ServerCall) -> RPCContext {
        RPCContext(
            method: head.route?.path ?? head.unknownPath, metadata: head.metadata, deadline: extras?.deadline,
            peer: connection.peer, call: call)
    }

    /// The next message of the request; nil when none is complete.
    func takeMessage() -> [UInt8]? {
        let before = request.bufferedBytes
        let message = request.take()
        connection.requestBytesChanged(by: request.bufferedBytes - before)
        if withheldWindow > 0 { connection.giveBackWindow(self) }
        return message
    }

    func nextMessage() -> NextMessage {
        if let message = takeMessage() { return .message(message) }
        if let failure { return .failed(failure) }
        return request.isEnded ? .end : .notYet
    }

    func awaitMessage(_ waiter: Waiter) {
        guard !request.hasMessage, !request.isEnded, failure == nil else {
            waiter.resume()
            return
        }
        needExtras().readers.append(waiter)
    }

    /// A message or the end of the request has come.
    @inline(__always)
    func wakeReaders() {
        if let extras { resume(&extras.readers) }
    }

    /// Reports that the call is refused for what its request is.
    func rejected(_ error: RPCError) -> RPCError {
        connection.core.rejected(self, error)
        return error
    }

    // MARK: The answer

    func send(_ frame: EncodedMessage) throws(RPCError) -> Bool {
        if let failure { throw failure }
        guard !isClosed, !response.isFinished else {
            throw RPCError(code: .cancelled, message: "the call is over")
        }
        let size = frame.count - 5
        guard size <= connection.limits.messageBytes else {
            throw RPCError(
                code: .resourceExhausted,
                message: "the answer has \(size) bytes; the limit is \(connection.limits.messageBytes) bytes")
        }
        let step = response.send(frame)
        connection.answerGrew(self)
        perform(step)
        return response.pendingBytes <= connection.limits.streamedAnswerBytes
    }

    func awaitRoom(_ waiter: Waiter) {
        guard !isClosed, response.pendingBytes > connection.limits.streamedAnswerBytes / 2 else {
            waiter.resume()
            return
        }
        needExtras().writers.append(waiter)
    }

    /// Bytes of the answer have been taken.
    @inline(__always)
    func wakeWriters() {
        guard let extras else { return }
        if isClosed || response.pendingBytes <= connection.limits.streamedAnswerBytes / 2 { resume(&extras.writers) }
    }

    private func resume(_ waiters: inout [Waiter]) {
        let waiting = waiters
        waiters = []
        for waiter in waiting { waiter.resume() }
    }

    /// Ends the call for what the peer did: the handler is cancelled, and its reads fail.
    func fail(_ error: RPCError) {
        needExtras().failure = error
        finish(message: nil, error: error)
        task?.cancel()
        wakeReaders()
    }

    /// Sets the status, after an optional last message.
    func finish(message: EncodedMessage?, error: RPCError?) {
        guard !isClosed, !response.isFinished else { return }
        var message = message
        var error = error
        if let size = message?.count, size - 5 > connection.limits.messageBytes {
            message = nil
            error = RPCError(
                code: .resourceExhausted,
                message: "the answer has \(size - 5) bytes; the limit is \(connection.limits.messageBytes) bytes")
        }
        let step = response.finish(message, error)
        connection.answerGrew(self)
        perform(step)
    }

    private func perform(_ step: ResponseStream.Step) {
        lastProgress = connection.loop.now
        switch step {
        case .none: break
        case .sendHead: connection.sendHead(self)
        case .resume: connection.session?.resume(id)
        case .sendTrailersOnly: connection.sendTrailersOnly(self, httpStatus: 200)
        }
        connection.setNeedsFlush()
    }

    /// Refuses the call before its handler runs.
    func refuse(_ rejection: RequestHead.Rejection) {
        guard !isClosed, !response.isFinished else { return }
        _ = response.finish(nil, rejection.error)
        connection.sendTrailersOnly(self, httpStatus: rejection.httpStatus)
        connection.setNeedsFlush()
    }

    /// The stream is gone: nothing can be sent or received any more.
    func close() {
        guard !isClosed else { return }
        isClosed = true
        if let timer = extras?.deadlineTimer { connection.loop.disarm(timer) }
        if request.bufferedBytes > 0 { request.discard() }
        _ = response.abandon()
        guard isRunning || extras != nil else { return }
        task?.cancel()
        wakeReaders()
        wakeWriters()
    }
}
