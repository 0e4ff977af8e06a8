/// How a call failed: the code, the message and the metadata that travel in its trailers.
public struct RPCError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The status code; never `.ok` in an error that this library makes.
    public var code: RPCCode

    /// What went wrong, for a person.
    ///
    /// Any text; it is percent-encoded on the wire.
    public var message: String

    /// Custom trailers.
    public var metadata: Metadata

    /// An error with these values.
    public init(code: RPCCode, message: String, metadata: Metadata = []) {
        self.code = code
        self.message = message
        self.metadata = metadata
    }

    /// The code's name and the message on one line.
    public var description: String { "\(code.name): \(message)" }
}
