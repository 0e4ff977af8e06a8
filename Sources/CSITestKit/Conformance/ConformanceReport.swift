/// What a run of the conformance suite found.
public struct ConformanceReport: Sendable {
    /// How a row went.
    public enum Outcome: Sendable, Hashable {
        /// The driver is right.
        case passed
        /// The driver is wrong; at least one finding says how.
        case failed([ConformanceFinding])
        /// The row makes no sense here, for this reason.
        case skipped(String)
    }

    /// The sorts of outcomes, to select from.
    public enum OutcomeKind: Sendable, Hashable, CaseIterable {
        /// The driver is right.
        case passed
        /// The driver is wrong.
        case failed
        /// The row makes no sense here.
        case skipped
    }

    /// One row with its outcome.
    public struct Result: Sendable, CustomStringConvertible {
        /// The id of the row.
        public let id: String
        /// What the driver does when it is right.
        public let title: String
        /// Where the expectation comes from.
        public let origin: ConformanceOrigin
        /// The group of the row.
        public let group: String
        /// How the row went.
        public let outcome: Outcome
        /// How long the row took, with its clean-up.
        public let took: Duration

        init(_ item: ConformanceCase, _ outcome: Outcome, took: Duration) {
            id = item.id
            title = item.title
            origin = item.origin
            group = item.group
            self.outcome = outcome
            self.took = took
        }

        /// The sort of the outcome.
        public var kind: OutcomeKind {
            switch outcome {
            case .passed: .passed
            case .failed: .failed
            case .skipped: .skipped
            }
        }

        /// The lines of a readable report: one, and one more for each finding.
        public var description: String {
            switch outcome {
            case .passed: "  ok    \(id): \(title)"
            case .skipped(let reason): "  skip  \(id): \(reason)"
            case .failed(let findings):
                "  FAIL  \(id): \(title) [\(origin)]"
                    + findings.map { "\n          \($0.description.escapingControls)" }.joined()
            }
        }
    }

    /// The driver's name, as it says itself.
    public let driver: String

    /// The driver's version, as it says itself.
    public let version: String

    /// The rows in the order in which they ran.
    public let results: [Result]

    /// How long the run took.
    public let took: Duration

    /// The rows that failed.
    public var failed: [Result] { results.filter { $0.kind == .failed } }

    /// The rows that passed.
    public var passed: [Result] { results.filter { $0.kind == .passed } }

    /// The rows that were skipped.
    public var skipped: [Result] { results.filter { $0.kind == .skipped } }
}

/// Something that a driver did wrong.
public struct ConformanceFinding: Error, Sendable, Hashable, CustomStringConvertible {
    /// What the suite did.
    public let step: String

    /// What a right driver answers.
    public let expected: String

    /// What this driver answered.
    public let seen: String

    /// All three on one line.
    public var description: String { "\(step): expected \(expected), and saw \(seen)" }
}

/// A row finds out on its way that it makes no sense for this driver.
struct ConformanceSkip: Error {
    let reason: String
}
