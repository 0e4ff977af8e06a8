/// A capability of a process, as `capabilities(7)` names it.
public enum ProcessCapability: UInt8, Sendable, Hashable, CaseIterable, CustomStringConvertible {
    /// Changing owners of files.
    case chown = 0
    /// Ignoring the modes of files.
    case dacOverride = 1
    /// Ignoring the modes of files when reading.
    case dacReadSearch = 2
    /// Ignoring who owns a file where only its owner may act.
    case fileOwner = 3
    /// Keeping set-user-ID and set-group-ID bits.
    case fileSetID = 4
    /// Mounts, loop devices and much else.
    case systemAdministration = 21
    /// Exceeding limits; growing a mounted ext4.
    case systemResource = 24
    /// Making device nodes.
    case makeNode = 27

    /// The kernel's name, for example `CAP_SYS_ADMIN`.
    public var description: String {
        switch self {
        case .chown: "CAP_CHOWN"
        case .dacOverride: "CAP_DAC_OVERRIDE"
        case .dacReadSearch: "CAP_DAC_READ_SEARCH"
        case .fileOwner: "CAP_FOWNER"
        case .fileSetID: "CAP_FSETID"
        case .systemAdministration: "CAP_SYS_ADMIN"
        case .systemResource: "CAP_SYS_RESOURCE"
        case .makeNode: "CAP_MKNOD"
        }
    }
}
