import CSICore
public import CSIHost

/// What keeps a directory volume from growing over its size.
public enum VolumeQuota: Sendable, Hashable, CustomStringConvertible {
    /// A project that the volume's directory, and all that is in it, belongs to (ext4, XFS).
    case project(UInt32)
    /// The quota group of the subvolume that the volume's directory is (btrfs).
    case subvolume

    /// The words in a record: `project 1073741824` or `subvolume`.
    public var description: String {
        switch self {
        case .project(let id): "project \(id)"
        case .subvolume: "subvolume"
        }
    }

    /// What limits belong to.
    public var mechanism: QuotaSupport.Mechanism {
        switch self {
        case .project: .project
        case .subvolume: .subvolume
        }
    }

    init?(_ text: String) {
        let words = text.split(separator: " ")
        switch words.first {
        case "subvolume" where words.count == 1: self = .subvolume
        case "project" where words.count == 2:
            guard let id = UInt32(words[1]), id > 0 else { return nil }
            self = .project(id)
        default: return nil
        }
    }
}

extension VolumeRecord {
    /// The attribute that holds the most files, directories and links that the volume may have.
    public static let inodeLimitAttribute = "inodeLimit"

    /// What the volume may hold: its capacity, and what ``inodeLimitAttribute`` says.
    public var limits: QuotaLimits {
        QuotaLimits(
            bytes: max(1, capacity),
            inodes: attributes[Self.inodeLimitAttribute].flatMap { Int64($0) }.flatMap { $0 > 0 ? $0 : nil })
    }
}
