/// How a server behaves, with defaults that fit a CSI driver.
public struct RPCServerConfiguration: Sendable {
    /// The bounds that peers are held to.
    public var limits = TransportLimits()

    /// Mode, owner and group of the socket's file.
    public var socket = SocketOwnership()

    /// Connections that may wait to be accepted.
    public var backlog: Int32 = 1_024

    /// The users that may connect; nil lets in everyone whom the socket's mode lets in.
    public var allowedUserIDs: Set<UInt32>?

    /// How long a graceful shutdown waits for running calls before it cancels them.
    public var drainTimeout = Duration.seconds(20)

    /// How long cancelled calls may take to end before they are given up and reported.
    public var cancellationTimeout = Duration.seconds(5)

    /// Called, on the I/O thread, for each call that is refused before a handler runs: an unknown method, a malformed
    /// frame, a message past the limit.
    ///
    /// It must be quick.
    public var onRejected: (@Sendable (_ path: String, _ error: RPCError) -> Void)?

    /// Called, on the I/O thread, at the end of a shutdown that had to give up calls.
    public var onAbandoned: (@Sendable ([RunningCall]) -> Void)?

    /// The defaults.
    public init() {}
}

/// A call that runs, for a report.
public struct RunningCall: Sendable, Hashable, CustomStringConvertible {
    /// The path of its method.
    public let method: String

    /// How long it has been running.
    public let age: Duration

    /// The method and the age.
    public var description: String { "\(method) for \(age)" }
}
