/// What one peer of an ``HTTPTextServer`` may take, in time and number.
public struct HTTPLimits: Sendable, Hashable {
    /// How many connections may be open; the oldest goes when one more comes.
    public var connections = 64

    /// How long a request may take to arrive.
    public var requestTimeout: Duration = .seconds(5)

    /// How long a path may take to answer before the connection is closed.
    public var handlerTimeout: Duration = .seconds(30)

    /// How long a peer may take to read the answer.
    public var answerTimeout: Duration = .seconds(10)

    /// How long a peer may take to close after the answer.
    public var lingerTimeout: Duration = .seconds(1)

    /// The defaults.
    public init() {}
}
