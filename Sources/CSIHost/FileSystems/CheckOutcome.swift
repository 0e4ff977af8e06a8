/// How thoroughly a file system is checked.
public enum CheckDepth: Sendable, Hashable, CaseIterable {
    /// What has to be done before a mount: ext3 and ext4 replay their journal and repair what is safe to repair (`e2fsck
    /// -p`); XFS and Btrfs have nothing to do, their recovery is the kernel's at the mount.
    case beforeMount
    /// Everything, and nothing is changed (`e2fsck -n -f`, `xfs_repair -n`, `btrfs check --readonly`). Give it an unmounted file
    /// system that was unmounted cleanly: one with a journal to replay looks damaged.
    case complete
}

/// What a check found.
public enum CheckOutcome: Sendable, Hashable, CustomStringConvertible {
    /// Nothing is wrong.
    case clean
    /// Something was wrong, and has been repaired.
    case repaired(String)
    /// Something is wrong and needs a human: what the check said.
    case damaged(String)
    /// There is nothing to check outside the kernel for this file system at this depth.
    case leftToTheKernel

    /// Whether the file system may be mounted.
    public var isUsable: Bool {
        if case .damaged = self { false } else { true }
    }

    /// For example `clean` or `damaged: ...`.
    public var description: String {
        switch self {
        case .clean: "clean"
        case .repaired(let what): "repaired: \(what)"
        case .damaged(let what): "damaged: \(what)"
        case .leftToTheKernel: "left to the kernel"
        }
    }
}
