/// What an exploration found.
public struct ExplorationReport: Sendable, CustomStringConvertible {
    /// How many crash points or schedules were tried.
    public internal(set) var explored = 0

    /// What went wrong, each with what is needed to see it again.
    public internal(set) var failures: [String] = []

    /// The count, and the failures one below the other.
    public var description: String {
        failures.isEmpty
            ? "\(explored) explored, nothing found"
            : "\(explored) explored, \(failures.count) failed:\n" + failures.joined(separator: "\n")
    }

    /// - Throws: ``ExplorationFailure`` when anything went wrong.
    public func requireNoFailures() throws(ExplorationFailure) {
        guard failures.isEmpty else { throw ExplorationFailure(report: self) }
    }
}

/// An exploration found something.
public struct ExplorationFailure: Error, Sendable, CustomStringConvertible {
    /// What was found.
    public let report: ExplorationReport

    /// The report.
    public var description: String { report.description }
}
