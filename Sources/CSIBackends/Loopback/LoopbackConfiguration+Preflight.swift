public import CSICore
import CSIHost
public import CSIPreflight

extension LoopbackConfiguration {
    /// What the backend needs of its machine.
    public func preflight(_ role: Role) -> Preflight {
        let pool = Preflight([.directory(pool, as: "pool")])
        guard role != .controller else {
            return Preflight.files.joined(with: pool).joined(
                with: Preflight([
                    .capability(.systemAdministration, .recommended, for: "freezing a volume in use for a snapshot")
                ]))
        }
        return Preflight.mounts.joined(with: pool).joined(
            with: Preflight(
                [
                    .kernel(.fsmount), .loopDevices,
                    .capability(.systemResource, .recommended, for: "growing ext4 while it is mounted"),
                    .btrfsCopies,
                ] + Self.programs))
    }

    /// Each file system's volumes need its own programs alone.
    private static var programs: [PreflightCheck] {
        let programs: [(FileSystemKind, package: String, names: [String])] = [
            (.ext4, "e2fsprogs", ["mkfs.ext4", "e2fsck", "resize2fs"]),
            (.xfs, "xfsprogs", ["mkfs.xfs", "xfs_repair", "xfs_growfs"]),
            (.btrfs, "btrfs-progs", ["mkfs.btrfs", "btrfs"]),
        ]
        return programs.flatMap { kind, package, names in
            [PreflightCheck.fileSystem(kind.rawValue, for: "\(kind) volumes")]
                + names.map { PreflightCheck.program($0, from: package, for: "\(kind) volumes") }
        }
    }
}
