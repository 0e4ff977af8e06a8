import CSIHost
import SystemPackage

/// A block device of a fake host.
struct FakeBlockDevice: Sendable {
    /// Where its bytes are.
    enum Medium: Sendable {
        /// Its own; `durable` is what a power failure leaves of them.
        case disk(bytes: SparseBytes, durable: SparseBytes)
        /// Those of a file.
        case loop(FakeLoop)
    }

    /// The device as it is shown, without holders.
    var shown: BlockDevice
    var medium: Medium
    /// The programs that have it open, besides mounts.
    var openers: [String] = []
    /// How many handles of the driver hold it open.
    var handles = 0
    /// How many bytes are read ahead; the kernel begins with this number.
    var readAhead: Int64 = 128 << 10
    /// The parts that cannot be read.
    var broken: [Range<Int64>] = []

    var loop: FakeLoop? {
        if case .loop(let loop) = medium { loop } else { nil }
    }
}

/// The attachment of a file of a fake host.
struct FakeLoop: Sendable {
    let number: Int
    let file: NodeID
    /// Where the file was when it was attached, which the kernel shows of one that was removed.
    let path: String
    var name: String
    var isDirectIO: Bool
    /// Whether the kernel keeps a lock on the file, as for what this library attaches.
    var holdsLock: Bool
    var isDetachedOnLastClose = false
    var takesDiscards = true
    /// What was mounted in the mount namespace of whoever attached it, once that is gone: the kernel shows the file from there.
    var lostRoot: FilePath?
}
