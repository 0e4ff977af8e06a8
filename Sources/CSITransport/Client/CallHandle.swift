/// Ties a caller's task to its call: a cancellation may come before the call has begun.
final class CallHandle: Sendable {
    // Only the loop's thread touches it.
    private final class Target {
        var stream: ClientStream?
        var isCancelled = false
    }

    private let target: LoopBound<Target>

    init(loop: EventLoop) {
        target = LoopBound(Target(), on: loop)
    }

    /// The call has begun.
    ///
    /// On the loop's thread.
    func attach(_ stream: ClientStream?) {
        let target = target.value
        if target.isCancelled { stream?.fail(CallHandle.cancelled) } else { target.stream = stream }
    }

    /// The caller does not want the answer any more.
    ///
    /// From any thread.
    func cancel() {
        target.loop.submit { [target] in
            let target = target.value
            target.isCancelled = true
            target.stream?.fail(CallHandle.cancelled)
            target.stream = nil
        }
    }

    private static let cancelled = RPCError(code: .cancelled, message: "the caller cancelled the call")
}
