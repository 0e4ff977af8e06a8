/// Whether a file's bytes have their room on the disk before anything is written to them.
public enum FileAllocation: Sendable, Hashable {
    /// No room is taken before data is written: thin. Writing can then fail for want of space.
    case sparse
    /// All room is taken now: thick. Bytes that were never written still read as zero.
    case allocated
}
