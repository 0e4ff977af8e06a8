import ArgumentParser
import CSICore
import CSIHost
import CSIMain
import CSIPreflight
import CSIProgram
import CSIProto
import CSITransport
import Glibc

struct DoctorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract: "Checks this machine and the drivers on it, and says how to mend what is wrong.",
        discussion: """
            Looks at what the drivers look at when they start, and whether they answer. Run it where the driver runs: in its \
            container, or on the node. Exits with 1 when something is wrong.

            Example: kubectl exec ds/csi-node -c csi-node -- csictl doctor
            """)

    @OptionGroup var global: GlobalOptions
    @OptionGroup var selection: DriverSelection

    struct Report: Encodable {
        let program: String
        let process: Int32?
        let driver: String?
        let findings: [Finding]
    }

    struct Finding: Encodable {
        let check: String
        let outcome: String
        let message: String
        let fix: String?

        init(_ finding: PreflightFinding) {
            check = finding.check
            outcome = finding.outcome.rawValue
            message = finding.message
            fix = finding.fix
        }

        var isWrong: Bool { outcome != PreflightFinding.Outcome.met.rawValue }
    }

    func run() async throws {
        let reports = try await Self.reports(selection)
        if global.json {
            try Output.json(["drivers": reports])
        } else {
            for report in reports { show(report) }
        }
        let isSick = reports.contains { report in
            report.findings.contains { $0.isWrong && $0.outcome != PreflightFinding.Outcome.warning.rawValue }
        }
        if isSick { throw ExitCode(1) }
    }

    /// What is found of each driver of this machine.
    static func reports(_ selection: DriverSelection) async throws -> [Report] {
        let host = LinuxHost()
        var reports: [Report] = []
        for settings in try DriverSettings.select(selection, environment: ProcessEnvironment.variables()) {
            switch settings.configuration {
            case .success(let configuration):
                let findings =
                    await configuration.preflight.joined(with: live(settings, configuration)).findings(on: host)
                reports.append(
                    Report(
                        program: settings.program, process: settings.process, driver: configuration.driverName,
                        findings: findings.map(Finding.init)))
            case .failure(let mistakes):
                let findings = mistakes.lines.map {
                    PreflightFinding(
                        check: "configuration", need: .required, isMet: false, message: $0,
                        fix: "see \(settings.program) --help")
                }
                reports.append(
                    Report(
                        program: settings.program, process: settings.process, driver: nil,
                        findings: findings.map(Finding.init)))
            }
        }
        return reports
    }

    /// What is asked of a driver that runs.
    private static func live(_ settings: DriverSettings, _ configuration: DriverConfiguration) -> Preflight {
        let endpoint = configuration.serving.endpoint
        var checks: [PreflightCheck] = []
        if !settings.sharesMounts {
            checks.append(
                PreflightCheck("doctor.place", .recommended) { _ in
                    .unmet(
                        "csictl does not see the mounts that \(settings.program) sees, so other findings may be wrong",
                        fix: "run csictl in the container of the driver")
                })
        }
        checks.append(PreflightCheck("driver.answer", .required) { _ in await probe(endpoint) })
        if let registration = configuration.serving.registration {
            let socket = "\(registration.registry)/\(configuration.driverName)-reg.sock"
            checks.append(
                PreflightCheck("kubelet.registration", .awaited) { _ in
                    access(socket, F_OK) == 0
                        ? .met("the kubelet finds the driver at \(socket)")
                        : .unmet(
                            "there is no socket \(socket)",
                            fix:
                                "mount the kubelet's plugins_registry at \(registration.registry), and see the driver's log"
                        )
                })
        }
        return Preflight(checks)
    }

    private static func probe(_ endpoint: Endpoint) async -> PreflightCheck.Verdict {
        do throws(RPCError) {
            let client = try await RPCClient.connect(to: endpoint, timeout: .seconds(2))
            defer { client.close() }
            let answer = try await client.unary(CSIv1.Identity.probe, .init(), timeout: .seconds(5))
            guard answer.ready?.value ?? true else {
                return .unmet("the driver at \(endpoint) is not ready", fix: "its log says what it waits for")
            }
            return .met("the driver at \(endpoint) is ready")
        } catch {
            return .unmet(
                "the driver does not answer at \(endpoint): \(error.message)",
                fix: "start it; its log says why it ended")
        }
    }

    private func show(_ report: Report) {
        let process = report.process.map { ", process \($0)" } ?? ", not running"
        print("\(report.program)\(report.driver.map { " (\($0))" } ?? "")\(process)")
        for finding in report.findings {
            let sign =
                switch finding.outcome {
                case "met": "ok      "
                case "warning": "warning "
                case "waiting": "WAITING "
                default: "FAILED  "
                }
            print("  \(sign) \(finding.check): \(Output.printable(finding.message))")
            if let fix = finding.fix { print("           fix: \(Output.printable(fix))") }
        }
        let wrong = report.findings.count(where: \.isWrong)
        print(
            wrong == 0
                ? "all \(report.findings.count) checks passed" : "\(wrong) of \(report.findings.count) need a look")
    }
}
