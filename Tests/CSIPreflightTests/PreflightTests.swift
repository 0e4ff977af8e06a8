import CSIHost
import CSIPreflight
import CSITestKit
import SystemPackage
import Testing

@Suite("Preflight checks")
struct PreflightTests {
    /// What is wrong with a machine, the check that notices, what becomes of the process, and words of the fix.
    struct Row: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let check: PreflightCheck
        let outcome: PreflightFinding.Outcome
        let fix: String
        let breakMachine: @Sendable (FakeHost) -> Void

        init(
            _ title: String, _ check: PreflightCheck, _ outcome: PreflightFinding.Outcome, _ fix: String,
            _ breakMachine: @escaping @Sendable (FakeHost) -> Void
        ) {
            testDescription = title
            self.check = check
            self.outcome = outcome
            self.fix = fix
            self.breakMachine = breakMachine
        }
    }

    private static let rows: [Row] =
        KernelFeature.allCases.map { feature in
            Row("no \(feature)", .kernel(feature), .failed, "run Linux \(feature.since) or later") { host in
                host.changeMachine { $0.features[feature] = .missing }
            }
        } + [
            Row("a filter of system calls", .kernel(.openTree), .failed, "seccomp") { host in
                host.changeMachine { $0.features[.openTree] = .forbidden }
            },
            Row(
                "no CAP_SYS_ADMIN", .capability(.systemAdministration, .required, for: "mounts"), .failed,
                "add CAP_SYS_ADMIN"
            ) { host in host.changeMachine { $0.capabilities.remove(.systemAdministration) } },
            Row(
                "no CAP_SYS_RESOURCE", .capability(.systemResource, .recommended, for: "growing"), .warning,
                "add CAP_SYS_RESOURCE"
            ) { host in host.changeMachine { $0.capabilities.remove(.systemResource) } },
            Row("no mkfs", .program("mkfs.xfs", from: "xfsprogs", for: "XFS"), .warning, "install xfsprogs") { host in
                host.changeMachine { $0.missingPrograms = ["mkfs.xfs"] }
            },
            Row("no file system", .fileSystem("xfs", for: "XFS"), .warning, "modprobe xfs") { host in
                host.changeMachine { $0.fileSystemTypes.remove("xfs") }
            },
            Row("a Btrfs without copies", .btrfsCopies, .warning, "run Linux 6.7 or later") { host in
                host.addDirectory("/sys/fs/btrfs/features")
            },
            Row("no loop module", .loopDevices, .waiting, "modprobe loop") { host in
                host.changeMachine { $0.closedDevices["/dev/loop-control"] = .notFound }
            },
            Row("loop devices of others", .loopDevices, .waiting, "run privileged") { host in
                host.changeMachine { $0.closedDevices["/dev/loop-control"] = .permissionDenied }
            },
            Row("no pool", .directory("/absent", as: "pool"), .failed, "create the directory") { _ in },
            Row("a read-only pool", .directory("/pool", as: "pool"), .failed, "mount it for writing") { host in
                host.setReadOnly(true, fileSystemOf: "/pool")
            },
            Row("an unmounted pool", .mountPoint("/plain", as: "pool"), .waiting, "mount the disk of the pool") {
                host in
                host.addDirectory("/plain")
            },
            Row("a pool that is not there", .mountPoint("/absent", as: "pool"), .waiting, "mount the disk") { _ in },
            Row("private mounts", .sharedMounts(below: "/kubelet"), .waiting, "Bidirectional") { host in
                host.setPropagation(.private, at: "/kubelet")
            },
            Row("mounts that only arrive", .sharedMounts(below: "/kubelet"), .waiting, "make-rshared") { host in
                host.setPropagation(.slave, at: "/kubelet")
            },
            Row("no kubelet", .sharedMounts(below: "/absent"), .waiting, "mount the kubelet's directory") { _ in },
            Row("a mount table that cannot be read", .mountPoint("/pool", as: "pool"), .waiting, "mount /proc") {
                host in
                host.fail(.mountTable, with: .inputOutput)
            },
        ]

    private static func wholeMachine() -> FakeHost {
        let host = FakeHost()
        host.addFileSystem(at: "/pool", type: "xfs", source: "/dev/sdb")
        host.addFileSystem(at: "/kubelet")
        host.setPropagation(.shared, at: "/kubelet")
        return host
    }

    @Test("Each thing that can be wrong is found, with what becomes of it and what to do", arguments: rows)
    func findings(row: Row) async throws {
        let host = Self.wholeMachine()
        row.breakMachine(host)
        let finding = await row.check.finding(on: host)
        #expect(finding.outcome == row.outcome)
        #expect(finding.check == row.check.name)
        #expect(finding.fix?.contains(row.fix) == true, "\(finding)")
        #expect(finding.description == "\(finding.check): \(finding.message); \(finding.fix ?? "")")
        #expect(host.mutations.isEmpty)
    }

    @Test("A whole machine meets everything, in the order of the list")
    func met() async {
        let preflight = Preflight.mounts.joined(
            with: Preflight([
                .kernel(.fsmount), .loopDevices, .directory("/pool", as: "pool"), .mountPoint("/pool", as: "pool"),
                .sharedMounts(below: "/kubelet/pods"), .program("mkfs.ext4", from: "e2fsprogs", for: "ext4"),
                .fileSystem("ext4", for: "ext4"),
            ]))
        let host = Self.wholeMachine()
        host.addDirectory("/kubelet/pods")
        let findings = await preflight.findings(on: host)
        #expect(findings.map(\.check) == preflight.checks.map(\.name))
        #expect(findings.allSatisfy { $0.outcome == .met && $0.fix == nil }, "\(findings)")
        #expect(findings.contains { $0.message == "/pool is a mount of /dev/sdb, xfs" })
    }

    @Test("Lists that have a check in common ask once, and the greater need counts")
    func joining() {
        let loose = Preflight([.capability(.chown, .recommended, for: "a"), .loopDevices])
        let strict = Preflight([.capability(.chown, .required, for: "b"), .loopDevices.with(.recommended)])
        let joined = loose.joined(with: strict)
        #expect(joined.checks.map(\.name) == ["capability.CAP_CHOWN", "loop.control"])
        #expect(joined.checks.map(\.need) == [.required, .awaited])
        #expect(strict.joined(with: loose).checks.map(\.need) == [.required, .awaited])
        #expect(Set(Preflight.mounts.checks.map(\.name)).count == Preflight.mounts.checks.count)
    }

    @Test("This machine, where the tests may mount, meets what mounts need")
    func linux() async {
        let findings = await Preflight.mounts.findings(on: LinuxHost())
        #expect(findings.count == Preflight.mounts.checks.count)
        #expect(!findings.contains { $0.check.hasPrefix("kernel.") && $0.message.contains("has no") })
    }
}
