extension SuperblockProbe {
    /// Second, third and fourth extended file system, and their external journal.
    static func extended(_ image: DeviceImage) -> Finding? {
        let block = image.bytes(at: 1024, count: 1024)
        guard block.little16(0x38) == 0xef53 else { return nil }
        let (compatible, incompatible, readOnly) = (
            block.little32(0x5c), block.little32(0x60), block.little32(0x64)
        )
        let type =
            if incompatible & 0x8 != 0 {
                "jbd"
            } else if incompatible & ~0x16 != 0 || readOnly & ~0x7 != 0 {
                "ext4"
            } else {
                compatible & 0x4 != 0 ? "ext3" : "ext2"
            }
        let logBlockSize = block.little32(0x18)
        guard logBlockSize <= 6 else { return .damaged(type: type, "impossible block size") }
        let high = incompatible & 0x80 != 0 ? UInt64(block.little32(0x150)) << 32 : 0
        let blocks = high | UInt64(block.little32(0x4))
        guard blocks > 0, let size = size(blocks, of: 1024 << UInt64(logBlockSize)) else {
            return .damaged(type: type, "impossible number of blocks")
        }
        if readOnly & 0x400 != 0 {
            guard CRC32C.update(~0, block.array(0..<0x3fc)) == block.little32(0x3fc) else {
                return .damaged(type: type, "wrong checksum of the superblock")
            }
        }
        return .content(
            DeviceContent(type: type, uuid: block.uuid(0x68), label: block.text(0x78, 16), byteCount: size))
    }

    /// XFS.
    static func xfs(_ image: DeviceImage) -> Finding? {
        let block = image.bytes(at: 0, count: 32 << 10)
        guard block.has("XFSB", at: 0) else { return nil }
        let blockSize = block.big32(4)
        let sectorSize = Int(block.big16(102))
        guard (512...65536).contains(blockSize), blockSize.nonzeroBitCount == 1,
            (512...32768).contains(sectorSize), sectorSize.nonzeroBitCount == 1
        else { return .damaged(type: "xfs", "impossible block or sector size") }
        guard let size = size(block.big64(8), of: UInt64(blockSize)), size > 0, block.big32(88) > 0 else {
            return .damaged(type: "xfs", "impossible number of blocks")
        }
        // What mkfs.xfs takes back with its last write.
        guard block[126] == 0 else { return .damaged(type: "xfs", "mkfs has not finished") }
        if block.big16(100) & 0xf == 5 {
            // Over the whole sector, with zeroes where the checksum itself is.
            let parts = block.array(0..<224) + [0, 0, 0, 0] + block.array(228..<sectorSize)
            guard ~CRC32C.update(~0, parts) == block.little32(224) else {
                return .damaged(type: "xfs", "wrong checksum of the superblock")
            }
        }
        return .content(
            DeviceContent(type: "xfs", uuid: block.uuid(32), label: block.text(108, 12), byteCount: size))
    }

    /// Btrfs.
    static func btrfs(_ image: DeviceImage) -> Finding? {
        let block = image.bytes(at: 64 << 10, count: 4096)
        guard block.has("_BHRfS_M", at: 0x40) else { return nil }
        guard block.little64(0x30) == 64 << 10 else {
            return .damaged(type: "btrfs", "the superblock belongs elsewhere")
        }
        // The others are hashes that nothing else here needs; libblkid and the kernel know them.
        if block.little16(0xc4) == 0 {
            guard ~CRC32C.update(~0, block.array(0x20..<0x1000)) == block.little32(0) else {
                return .damaged(type: "btrfs", "wrong checksum of the superblock")
            }
        }
        guard block.little64(0x88) == 1 else {
            return .damaged(type: "btrfs", "it is one of \(block.little64(0x88)) devices of a file system")
        }
        guard let size = Int64(exactly: block.little64(0xd1)), size > 0 else {
            return .damaged(type: "btrfs", "impossible size")
        }
        return .content(
            DeviceContent(type: "btrfs", uuid: block.uuid(0x20), label: block.text(0x12b, 256), byteCount: size))
    }

    /// F2FS.
    static func f2fs(_ image: DeviceImage) -> Finding? {
        let block = image.bytes(at: 1024, count: 1024)
        guard block.little32(0) == 0xf2f5_2010 else { return nil }
        return .content(DeviceContent(type: "f2fs", uuid: block.uuid(108)))
    }

    /// The file systems of DOS and Windows, which share the first sector with boot code and partition tables.
    static func bootSector(_ image: DeviceImage) -> Finding? {
        bootSectorType(image).map { .content(DeviceContent(type: $0)) }
    }

    static func bootSectorType(_ image: DeviceImage) -> String? {
        let block = image.bytes(at: 0, count: 512)
        guard block.little16(510) == 0xaa55 else { return nil }
        if block.has("NTFS    ", at: 3) { return "ntfs" }
        if block.has("EXFAT   ", at: 3) { return "exfat" }
        if block.has("-FVE-FS-", at: 3) { return "BitLocker" }
        if block.has("FAT32   ", at: 82) || block.has("FAT12   ", at: 54) || block.has("FAT16   ", at: 54) {
            return "vfat"
        }
        return nil
    }
}
