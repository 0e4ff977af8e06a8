public import CSIHost

/// What a process needs of its machine, as a list that each part of a driver adds to.
///
/// ```swift
/// var preflight = Preflight.mounts
/// preflight.checks.append(.program("mkfs.ext4", from: "e2fsprogs", for: "ext4 volumes"))
/// for finding in await preflight.findings(on: LinuxHost()) { print(finding) }
/// ```
public struct Preflight: Sendable {
    /// The checks, in the order in which they are reported.
    public var checks: [PreflightCheck]

    /// Creates a list.
    public init(_ checks: [PreflightCheck] = []) {
        self.checks = checks
    }

    /// What anything that mounts for pods needs: the kernel's newer mount calls, and the right to use them.
    public static let mounts = Preflight(
        files.checks + [
            .kernel(.openTree), .kernel(.mountSetAttributes), .kernel(.moveMount),
            .capability(.systemAdministration, .required, for: "mounts"),
        ])

    /// What anything that keeps files needs: paths that are resolved without following links.
    public static let files = Preflight([.kernel(.openat2)])

    /// The checks of both lists; what both have is asked once, with the greater need.
    public func joined(with other: Preflight) -> Preflight {
        var joined = checks
        for check in other.checks {
            guard let index = joined.firstIndex(where: { $0.name == check.name }) else {
                joined.append(check)
                continue
            }
            if check.need.weight > joined[index].need.weight { joined[index] = check }
        }
        return Preflight(joined)
    }

    /// Looks at a machine: one finding for each check, in their order.
    ///
    /// Blocks its thread while it looks; run it on a bounded blocking executor.
    public func findings(on host: any Host) async -> [PreflightFinding] {
        var findings: [PreflightFinding] = []
        for check in checks { findings.append(await check.finding(on: host)) }
        return findings
    }
}

extension PreflightCheck.Need {
    fileprivate var weight: Int {
        switch self {
        case .recommended: 0
        case .awaited: 1
        case .required: 2
        }
    }
}
