/// How a directory tree is copied.
public struct TreeCopyOptions: Sendable {
    /// Whether the blocks of the files may, or must, be shared with the copy.
    public var sharing: CopyOptions.Sharing

    /// Called after each entry and after each piece of a large file with what has been copied so far, on the thread that
    /// copies: it should be quick.
    public var progress: (@Sendable (TreeCopyProgress) -> Void)?

    /// Creates options.
    public init(
        sharing: CopyOptions.Sharing = .preferred, progress: (@Sendable (TreeCopyProgress) -> Void)? = nil
    ) {
        self.sharing = sharing
        self.progress = progress
    }
}

/// How far a copy of a tree has come, or what it came to.
public struct TreeCopyProgress: Sendable, Hashable {
    /// The entries that are there: directories, files, links and special files, each name of a file with several counted.
    public var entries: Int64

    /// The bytes of data that were copied; neither holes nor what is shared.
    public var copiedBytes: Int64

    /// The bytes of the files whose blocks are shared with the source, by their sizes.
    public var sharedBytes: Int64

    /// Creates a progress.
    public init(entries: Int64 = 0, copiedBytes: Int64 = 0, sharedBytes: Int64 = 0) {
        self.entries = entries
        self.copiedBytes = copiedBytes
        self.sharedBytes = sharedBytes
    }
}
