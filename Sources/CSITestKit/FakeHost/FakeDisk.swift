/// A disk that is in no machine, with what is on it: what a cloud's volume is while it is not attached.
public struct FakeDisk: Sendable {
    var bytes: SparseBytes
    /// The files of its file system, which are not in its bytes; see ``FakeSuperblock``.
    var tree: (number: UInt64, tree: FakeTree)?

    init(bytes: SparseBytes, trees: [UInt64: FakeTree]) {
        self.bytes = bytes
        let reference = bytes.read(at: FakeSuperblock.treeOffset, count: FakeSuperblock.referenceCount)
        guard let number = FakeSuperblock.tree(in: reference)?.tree, let kept = trees[number] else { return }
        tree = (number, kept)
    }

    /// A new disk of zeros.
    /// - Parameter size: In bytes.
    public init(size: Int64) {
        bytes = SparseBytes(zeros: max(0, size))
    }

    /// The size in bytes.
    public var size: Int64 { bytes.count }

    /// Makes the disk larger; never smaller.
    public mutating func grow(to size: Int64) {
        if size > bytes.count { bytes.resize(to: size) }
    }
}
