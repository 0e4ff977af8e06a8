import CSICore
import CSIHost
import CSILock
import CSIPreflight
import Logging

/// Holds a driver back until its preflight is met, and says each change in the log.
final class PreflightCondition: StartCondition {
    private let preflight: Preflight
    private let host: any Host
    private let logger: Logger
    /// What was found last, by check.
    private let known = Guarded<[String: PreflightFinding]>([:])

    init(_ preflight: Preflight, on host: any Host, logger: Logger) {
        self.preflight = preflight
        self.host = host
        self.logger = logger
    }

    func missing() async throws(CSIError) -> [String] {
        let findings = await preflight.findings(on: host)
        let isFirst = known.withLock { $0.isEmpty }
        for finding in findings {
            let previous = known.withLock { known in
                defer { known[finding.check] = finding }
                return known[finding.check]
            }
            if previous?.outcome != finding.outcome { log(finding, isFirst: isFirst) }
        }
        let failed = findings.filter { $0.outcome == .failed }
        guard failed.isEmpty else {
            throw .preconditionFailed(failed.map(\.description).joined(separator: "; "))
        }
        return findings.filter { $0.outcome == .waiting }.map(\.description)
    }

    private func log(_ finding: PreflightFinding, isFirst: Bool) {
        let level: Logger.Level =
            switch finding.outcome {
            // What has come is worth a line; what was there from the beginning is not.
            case .met: isFirst ? .debug : .notice
            case .warning, .waiting: .warning
            case .failed: .error
            }
        var metadata: Logger.Metadata = [
            "check": "\(finding.check)", "outcome": "\(finding.outcome.rawValue)", "found": "\(finding.message)",
        ]
        if let fix = finding.fix { metadata["fix"] = "\(fix)" }
        logger.log(level: level, "preflight", metadata: metadata)
    }
}
