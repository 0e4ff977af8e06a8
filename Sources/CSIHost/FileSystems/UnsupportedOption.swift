/// An option of mkfs or of a mount that is not on the list of those that are allowed.
public struct UnsupportedOption: Error, Sendable, Hashable, CustomStringConvertible {
    /// The option as it was given.
    public let option: String

    /// Why it is refused, to follow the option: what is allowed instead.
    public let reason: String

    /// Creates the error.
    public init(_ option: String, _ reason: String) {
        self.option = option
        self.reason = reason
    }

    /// One line that names the option and what is allowed.
    public var description: String { "option \(option.debugDescription) \(reason)" }
}
