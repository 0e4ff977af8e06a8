/// What one check found on a machine.
public struct PreflightFinding: Sendable, Hashable, CustomStringConvertible {
    /// What becomes of the process because of it.
    public enum Outcome: String, Sendable, Hashable, CaseIterable {
        /// It is there.
        case met
        /// Some calls will fail.
        case warning
        /// The driver is not ready until it comes.
        case waiting
        /// The process ends.
        case failed
    }

    /// The name of the check.
    public let check: String

    /// How much depends on it.
    public let need: PreflightCheck.Need

    /// Whether it is there.
    public let isMet: Bool

    /// What was found, in one sentence without its full stop.
    public let message: String

    /// What to do about it; nil when it is there.
    public let fix: String?

    /// Creates a finding.
    public init(check: String, need: PreflightCheck.Need, isMet: Bool, message: String, fix: String?) {
        self.check = check
        self.need = need
        self.isMet = isMet
        self.message = message
        self.fix = fix
    }

    /// What becomes of the process because of it.
    public var outcome: Outcome {
        guard !isMet else { return .met }
        switch need {
        case .required: return .failed
        case .awaited: return .waiting
        case .recommended: return .warning
        }
    }

    /// One line: the check, what was found, and what to do.
    public var description: String {
        "\(check): \(message)" + (fix.map { "; \($0)" } ?? "")
    }
}
