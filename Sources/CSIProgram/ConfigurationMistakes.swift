public import CSICore

/// What is wrong with one setting; completes "--flag: ...".
public struct ConfigurationMistake: Error, Sendable, Hashable {
    /// The sentence, for example `must be an absolute path, and is "pool"`.
    public let reason: String

    /// Creates a mistake.
    public init(_ reason: String) {
        self.reason = reason
    }

    /// The mistake that a validated value's error describes.
    public init(_ error: CSIError) {
        self.init(error.message)
    }

    /// A value that is none of those that can be chosen.
    public static func oneOf(_ choices: [String], not text: String) -> ConfigurationMistake {
        ConfigurationMistake("must be \(choices.joined(separator: ", ")), and is \"\(text)\"")
    }
}

/// Everything that is wrong with flags and environment.
public struct ConfigurationMistakes: Error, Sendable, Hashable {
    /// One line for each mistake, naming the flag or variable and the fix; never empty.
    public let lines: [String]

    /// Creates an error from its lines.
    public init(_ lines: [String]) {
        self.lines = lines.isEmpty ? ["the configuration is incomplete"] : lines
    }
}
