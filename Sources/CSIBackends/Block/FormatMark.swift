import CSICore

/// The sector of a disk that says that mkfs has begun on it for a volume, and that nobody has written to it since but mkfs.
///
/// It is written and synced before mkfs starts, and gone before the disk is mounted or given to a pod to write to. It is on the
/// disk and nowhere else, so it cannot tell of another disk, and where the disk has been meanwhile makes no difference.
struct FormatMark: Sendable, Hashable {
    /// Where it is, from the start of the disk, which stays where it is when the disk grows.
    ///
    /// No mkfs of ext4, XFS or Btrfs writes there: the tables of ext4's first groups end before, the others begin with less, and
    /// journals and copies of superblocks lie elsewhere. Ext3 has its journal there from 2 GiB on; where a mark is lost like
    /// that, a disk whose mkfs is interrupted is left to a human.
    static let offset: Int64 = 60 << 20
    /// A sector, which is written as a whole or not at all.
    static let count = 512
    static let none = [UInt8](repeating: 0, count: count)

    /// What the sector holds.
    let bytes: [UInt8]

    init(of id: VolumeID) {
        let text = "swift-csi: mkfs began here, and nothing was mounted since\nversion: 1\nvolume: \(id)\n"
        bytes = Array((Array(text.utf8) + Self.none).prefix(Self.count))
    }

    /// Whether a disk has room for it, between what a probe looks at.
    static func fits(_ size: Int64, besides window: Int64) -> Bool { size >= offset + Int64(count) + window }
}
