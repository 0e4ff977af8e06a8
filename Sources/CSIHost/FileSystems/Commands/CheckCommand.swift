package import SystemPackage

/// How a file system is checked, and what the check's status means.
package enum CheckCommand {
    /// The bits of the status of fsck and e2fsck.
    private struct Status: OptionSet {
        let rawValue: Int
        static let corrected = Status(rawValue: 1)
        static let correctedReboot = Status(rawValue: 2)
        static let uncorrected = Status(rawValue: 4)
        static let failures: Status = [
            Status(rawValue: 8), Status(rawValue: 16), Status(rawValue: 32), Status(rawValue: 128),
        ]
    }

    /// The program; nil when nothing is to be done.
    package static func program(_ kind: FileSystemKind, _ device: FilePath, _ depth: CheckDepth) -> Program? {
        switch (kind, depth) {
        case (.ext3, .beforeMount), (.ext4, .beforeMount): Program("e2fsck", ["-p", device.string])
        case (.ext3, .complete), (.ext4, .complete): Program("e2fsck", ["-f", "-n", device.string])
        case (.xfs, .complete): Program("xfs_repair", ["-n", device.string])
        case (.btrfs, .complete): Program("btrfs", ["check", "--readonly", device.string])
        case (.xfs, .beforeMount), (.btrfs, .beforeMount): nil
        }
    }

    /// What the program found; nil when it failed to find out.
    package static func outcome(_ kind: FileSystemKind, _ outcome: ProgramOutcome) -> CheckOutcome? {
        guard case .exited(let number) = outcome.ending else { return nil }
        guard kind.isExtended else {
            switch number {
            case 0: return .clean
            case 1: return .damaged("\(outcome)")
            default: return nil
            }
        }
        let status = Status(rawValue: number)
        // Errors that were left outweigh a failure, which often is that they were left.
        if status.contains(.uncorrected) { return .damaged("\(outcome)") }
        guard status.isDisjoint(with: .failures), status.rawValue < 256 else { return nil }
        return status.isDisjoint(with: [.corrected, .correctedReboot]) ? .clean : .repaired("\(outcome)")
    }
}
