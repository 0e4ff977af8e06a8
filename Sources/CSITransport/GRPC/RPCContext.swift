/// What a handler knows of the call besides its request.
///
/// A call that its caller resets, whose deadline passes or that a shutdown ends is cancelled as a task: the handler sees
/// it by `Task.isCancelled` and `withTaskCancellationHandler`.
public struct RPCContext: Sendable {
    /// The path of the method, for example `/csi.v1.Identity/Probe`.
    public let method: String

    /// The custom metadata that came with the call, and its `user-agent`.
    public let metadata: Metadata

    /// When the caller stops waiting; nil when it did not say.
    public let deadline: ContinuousClock.Instant?

    /// Who calls; nil in process.
    public let peer: PeerCredentials?

    let call: ServerCall?

    /// A context with these values, for tests of handlers.
    public init(
        method: String, metadata: Metadata = [], deadline: ContinuousClock.Instant? = nil,
        peer: PeerCredentials? = nil
    ) {
        self.init(method: method, metadata: metadata, deadline: deadline, peer: peer, call: nil)
    }

    init(
        method: String, metadata: Metadata, deadline: ContinuousClock.Instant?, peer: PeerCredentials?,
        call: ServerCall?
    ) {
        self.method = method
        self.metadata = metadata
        self.deadline = deadline
        self.peer = peer
        self.call = call
    }

    /// Sets the custom metadata that precedes the first message of the answer.
    ///
    /// Nothing happens once the answer has begun.
    public func setInitialMetadata(_ metadata: Metadata) {
        call?.setInitialMetadata(metadata)
    }

    /// Sets the custom metadata that follows the answer; an error's own metadata comes after it.
    public func setTrailingMetadata(_ metadata: Metadata) {
        call?.setTrailingMetadata(metadata)
    }
}
