import CSIHost

/// What the fake host writes to a device when it makes a file system, and finds there when it mounts one.
///
/// The superblock is real enough for this library's probe. The tree of files is not on the device: 48 KiB into it are a
/// mark, the number of a tree that the host keeps aside, and whether the file system is in use. A kept tree never changes;
/// a file system that has changed is kept again under a new number. So a copy of the device is a copy of the file system
/// as it last was on the device, and a device whose bytes are lost has lost its files.
struct FakeSuperblock: Sendable {
    let kind: FileSystemKind
    let uuid: [UInt8]
    let label: String?
    var size: Int64
    /// The sectors of the file system in bytes; those of an XFS are in its superblock.
    let sectorSize: Int

    /// Where the number of the tree is; no format has a signature there.
    static let treeOffset: Int64 = 48 << 10
    private static let mark = Array("FAKETREE".utf8)

    /// The bytes to write and where.
    var writes: [(offset: Int64, bytes: [UInt8])] {
        let label = Array((label ?? "").utf8)
        switch kind {
        case .ext3, .ext4:
            var block = [UInt8](repeating: 0, count: 1024)
            let blocks = UInt64(clamping: size / 4096)
            block.put(blocks & 0xffff_ffff, width: 4, at: 0x4)
            block.put(2, width: 4, at: 0x18)
            block.put(0xef53, width: 2, at: 0x38)
            block.put(0x4, width: 4, at: 0x5c)
            // Extents and 64-bit numbers make it an ext4.
            block.put(kind == .ext4 ? 0xc2 : 0x2, width: 4, at: 0x60)
            if kind == .ext4 { block.put(blocks >> 32, width: 4, at: 0x150) }
            block.put(uuid, at: 0x68)
            block.put(Array(label.prefix(16)), at: 0x78)
            return [(1024, block)]
        case .xfs:
            var block = [UInt8](repeating: 0, count: 512)
            block.put(Array("XFSB".utf8), at: 0)
            block.put(UInt64(4096).byteSwapped >> 32, width: 4, at: 4)
            block.put(UInt64(clamping: size / 4096).byteSwapped, width: 8, at: 8)
            block.put(uuid, at: 32)
            block.put(UInt64(4).byteSwapped >> 32, width: 4, at: 88)
            // The version without a checksum.
            block.put([0, 4], at: 100)
            block.put(
                [UInt8(truncatingIfNeeded: sectorSize >> 8), UInt8(truncatingIfNeeded: sectorSize)],
                at: Int(Self.sectorOffset))
            block.put(Array(label.prefix(12)), at: 108)
            return [(0, block)]
        case .btrfs:
            var block = [UInt8](repeating: 0, count: 4096)
            block.put(uuid, at: 0x20)
            block.put(64 << 10, width: 8, at: 0x30)
            block.put(Array("_BHRfS_M".utf8), at: 0x40)
            block.put(UInt64(clamping: size), width: 8, at: 0x70)
            block.put(1, width: 8, at: 0x88)
            // A kind of checksum that the probe leaves to the kernel.
            block.put(1, width: 2, at: 0xc4)
            block.put(UInt64(clamping: size), width: 8, at: 0xd1)
            block.put(Array(label.prefix(255)), at: 0x12b)
            return [(64 << 10, block)]
        }
    }

    /// Where an XFS has the size of its sectors, in two bytes, the higher one first.
    static let sectorOffset: Int64 = 102

    /// The sectors of a file system whose superblock has these bytes at ``sectorOffset``.
    static func sectorSize(in bytes: [UInt8]) -> Int { bytes.reduce(0) { $0 << 8 | Int($1) } }

    /// The bytes that name a tree.
    static func reference(to tree: UInt64, isInUse: Bool) -> [UInt8] {
        var bytes = mark + [UInt8](repeating: 0, count: 9)
        bytes.put(tree, width: 8, at: 8)
        bytes[16] = isInUse ? 1 : 0
        return bytes
    }

    /// How many bytes name a tree.
    static let referenceCount = 17

    /// The tree that some bytes name; nil when they name none.
    static func tree(in bytes: [UInt8]) -> (tree: UInt64, isInUse: Bool)? {
        guard bytes.count == referenceCount, bytes.starts(with: mark) else { return nil }
        let tree = bytes[8..<16].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        return (tree, bytes[16] != 0)
    }
}

extension [UInt8] {
    fileprivate mutating func put(_ bytes: [UInt8], at offset: Int) {
        replaceSubrange(offset..<offset + bytes.count, with: bytes)
    }

    fileprivate mutating func put(_ value: UInt64, width: Int, at offset: Int) {
        put((0..<width).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }, at: offset)
    }
}
