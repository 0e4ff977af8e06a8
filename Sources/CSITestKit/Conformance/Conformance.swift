public import CSICore
import CSIProto
public import CSITransport
import SystemPackage

/// The conformance suite: every row of what callers expect of a CSI driver, run against one driver at its wire.
///
/// It speaks the generated messages over a client, so the driver may be written in any language and sit behind a socket,
/// or be a router in this process. What a driver does not advertise is not held against it: those rows are skipped, and
/// the report says why. Every row removes what it made, in reverse order, also when it fails.
///
/// ```swift
/// try await Conformance(of: driver, on: host).check()                  // in this process: no socket, no root
/// try await Conformance(controller: client, node: otherClient).check() // at sockets, in any language
/// ```
public struct Conformance: Sendable {
    private let endpoints: ConformanceEndpoints
    private let configuration: ConformanceConfiguration
    /// The driver in this process, which lives as long as the suite.
    private let local: LocalDriver?

    /// A suite for a driver behind these clients.
    ///
    /// - Parameters:
    ///   - controller: the connection to the Identity, Controller, GroupController and SnapshotMetadata services.
    ///   - node: the connection to the Node service and its Identity; nil when both are one.
    ///   - launcher: starts the driver at other sockets; nil skips the rows about starting and stopping.
    ///   - configuration: what to ask for, and where.
    public init(
        controller: RPCClient, node: RPCClient? = nil, launcher: (any ConformanceLauncher)? = nil,
        configuration: ConformanceConfiguration = ConformanceConfiguration()
    ) {
        endpoints = ConformanceEndpoints(controller: controller, node: node, launcher: launcher)
        self.configuration = configuration
        local = nil
    }

    /// A suite for a driver in this process: starts it, and calls it through everything that a socket's caller goes
    /// through.
    ///
    /// - Parameters:
    ///   - driver: the driver, not started yet.
    ///   - host: the model that the driver was given, which then also stands for the node: the suite makes its directories
    ///     on it and looks into published volumes there; nil leaves what the configuration says.
    ///   - configuration: what to ask for, and where.
    /// - Throws: the driver's error when it does not start.
    public init(
        of driver: any CSIDriver, on host: FakeHost? = nil,
        configuration: ConformanceConfiguration = ConformanceConfiguration()
    ) async throws {
        var configuration = configuration
        if let host {
            configuration.site = FakeSite(host)
            host.addDirectory(FilePath(configuration.stagingDirectory))
            host.addDirectory(FilePath(configuration.targetDirectory))
        }
        let local = LocalDriver(driver)
        try await local.start()
        endpoints = ConformanceEndpoints(controller: try await local.connect(), node: nil, launcher: nil)
        self.configuration = configuration
        self.local = local
    }

    /// Every row of the suite, in the order in which they run.
    public static let cases: [ConformanceCase] = ConformanceCase.all

    /// Runs every row that the configuration selects, one after the other.
    ///
    /// It does not throw: what goes wrong is in the report. A cancelled task ends the run after the current row.
    public func run() async -> ConformanceReport {
        let clock = ContinuousClock()
        let began = clock.now
        let subject = await ConformanceSubject.discover(endpoints, configuration)
        var results: [ConformanceReport.Result] = []
        for item in Conformance.cases where configuration.selects(item.id) {
            if Task.isCancelled { break }
            let start = clock.now
            // A task of its own: a cancelled run still removes what its last row made.
            let outcome = await Task { await run(item, subject) }.value
            results.append(.init(item, outcome, took: clock.now - start))
            configuration.onResult?(results[results.count - 1])
        }
        return ConformanceReport(
            driver: subject.info.name, version: subject.info.vendorVersion, results: results, took: clock.now - began)
    }

    /// Runs the suite and throws when a row failed.
    ///
    /// - Returns: the report, all of whose rows passed or were skipped.
    /// - Throws: `ConformanceFailures`, whose description names every row that failed, with what was expected and seen.
    @discardableResult
    public func check() async throws(ConformanceFailures) -> ConformanceReport {
        let report = await run()
        guard report.failed.isEmpty else { throw ConformanceFailures(report: report) }
        return report
    }

    private func run(_ item: ConformanceCase, _ subject: ConformanceSubject) async -> ConformanceReport.Outcome {
        if let reason = item.needs.lazy.compactMap({ $0.reasonAbsent(in: subject) }).first { return .skipped(reason) }
        let trial = ConformanceTrial(subject, id: item.id)
        var findings: [ConformanceFinding] = []
        var reason: String?
        do {
            try await item.steps(trial)
        } catch let finding as ConformanceFinding {
            findings.append(finding)
        } catch let skip as ConformanceSkip {
            reason = skip.reason
        } catch {
            findings.append(ConformanceFinding(step: "the steps", expected: "no error", seen: "\(error)"))
        }
        findings += await trial.cleanUp()
        if !findings.isEmpty { return .failed(findings) }
        return reason.map { .skipped($0) } ?? .passed
    }
}

/// Rows of the conformance suite failed.
public struct ConformanceFailures: Error, CustomStringConvertible {
    /// All results of the run.
    public let report: ConformanceReport

    /// The rows that failed and a summary.
    public var description: String { report.text(including: [.failed]) }
}
