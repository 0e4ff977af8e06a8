/// What is wrong with one setting; completes "--flag: ...".
struct ConfigurationMistake: Error, Sendable, Hashable {
    let reason: String

    init(_ reason: String) {
        self.reason = reason
    }

    static func oneOf(_ choices: [String], not text: String) -> ConfigurationMistake {
        ConfigurationMistake("must be \(choices.joined(separator: ", ")), and is \"\(text)\"")
    }
}

/// Everything that is wrong with flags and environment.
public struct ConfigurationMistakes: Error, Sendable, Hashable {
    /// One line for each mistake, naming the flag or variable and the fix; never empty.
    public let lines: [String]

    init(_ lines: [String]) {
        self.lines = lines.isEmpty ? ["the configuration is incomplete"] : lines
    }
}
