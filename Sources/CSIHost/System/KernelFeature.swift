/// A system call of the kernel that this library cannot do without, under the kernel's own name.
public enum KernelFeature: String, Sendable, Hashable, CaseIterable {
    /// Opening a path without following symbolic links anywhere.
    case openat2
    /// Making a mount that is nowhere visible yet.
    case openTree = "open_tree"
    /// Attaching such a mount.
    case moveMount = "move_mount"
    /// Restricting such a mount before it is attached.
    case mountSetAttributes = "mount_setattr"
    /// Mounting a file system with its options from the first moment.
    case fsmount

    /// The first version of Linux that has it.
    public var since: String {
        switch self {
        case .openat2: "5.6"
        case .openTree, .moveMount, .fsmount: "5.2"
        case .mountSetAttributes: "5.12"
        }
    }
}

/// What became of asking the kernel for a feature.
public enum FeatureSupport: String, Sendable, Hashable, CaseIterable {
    /// It is there.
    case available
    /// The kernel is older than the feature.
    case missing
    /// The process may not use it: a capability is missing, or a filter of system calls refuses it.
    case forbidden
}
