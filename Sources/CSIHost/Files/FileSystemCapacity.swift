/// The size of a file system and what is left of it.
///
/// No value is negative; one that does not fit is `Int64.max`.
public struct FileSystemCapacity: Sendable, Hashable {
    /// All bytes of the file system.
    public var totalBytes: Int64

    /// The bytes that hold data.
    public var usedBytes: Int64

    /// The bytes that an unprivileged writer can still get; less than the difference of the others where some are reserved.
    public var availableBytes: Int64

    /// All inodes; 0 where the file system does not count them.
    public var totalInodes: Int64

    /// The inodes in use; 0 where the file system does not count them.
    public var usedInodes: Int64

    /// The inodes that an unprivileged writer can still get; 0 where the file system does not count them.
    public var availableInodes: Int64

    /// Creates a capacity.
    public init(
        totalBytes: Int64, usedBytes: Int64, availableBytes: Int64, totalInodes: Int64, usedInodes: Int64,
        availableInodes: Int64
    ) {
        self.totalBytes = totalBytes
        self.usedBytes = usedBytes
        self.availableBytes = availableBytes
        self.totalInodes = totalInodes
        self.usedInodes = usedInodes
        self.availableInodes = availableInodes
    }
}
