/// How a program ended and what it said.
public struct ProgramOutcome: Sendable, Hashable, CustomStringConvertible {
    /// How a program ends.
    public enum Ending: Sendable, Hashable, CustomStringConvertible {
        /// By itself, with this exit status, 0 to 255.
        case exited(Int)
        /// By a signal of this number.
        case killed(signal: Int)

        /// For example `exit status 1` or `signal 9`.
        public var description: String {
            switch self {
            case .exited(let status): "exit status \(status)"
            case .killed(let signal): "signal \(signal)"
            }
        }
    }

    /// How it ended.
    public var ending: Ending

    /// What it wrote to standard output; the beginning when that was more than ``limit``.
    public var standardOutput: String

    /// What it wrote to standard error; the beginning when that was more than ``limit``.
    public var standardError: String

    /// How many bytes of each stream are kept; the rest is read and dropped.
    public static let limit = 16 << 10

    /// Creates an outcome.
    public init(ending: Ending, standardOutput: String = "", standardError: String = "") {
        self.ending = ending
        self.standardOutput = standardOutput
        self.standardError = standardError
    }

    /// Whether the program ended by itself with status 0.
    public var succeeded: Bool { ending == .exited(0) }

    /// The ending and, in one line, what the program said about it: standard error, or standard output when that is empty.
    public var description: String {
        let said = Self.oneLine(standardError).isEmpty ? standardOutput : standardError
        let line = Self.oneLine(said)
        return line.isEmpty ? "\(ending)" : "\(ending): \(line)"
    }

    /// The lines of a text joined by ` / `, without control characters, and not longer than a log line should be.
    private static func oneLine(_ text: String) -> String {
        let lines = text.split(whereSeparator: \.isNewline).map { (line) in
            String(String.UnicodeScalarView(line.unicodeScalars.filter { $0.value >= 0x20 && $0.value != 0x7f }))
        }
        let joined = lines.filter { (line) in line.contains { $0 != " " } }.joined(separator: " / ")
        return joined.count > 1000 ? joined.prefix(1000) + "..." : joined
    }
}
