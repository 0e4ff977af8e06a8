extension SuperblockProbe {
    /// Swap space, and the hibernated machine that may be in it.
    static func swap(_ image: DeviceImage) -> Finding? {
        for pageSize in [4096, 8192, 16384, 32768, 65536] {
            let block = image.bytes(at: Int64(pageSize) - 10, count: 10)
            let header = image.bytes(at: 1024, count: 64)
            if block.has("SWAPSPACE2", at: 0) || block.has("SWAP-SPACE", at: 0) {
                let size = size(UInt64(header.little32(4)) + 1, of: UInt64(pageSize))
                return .content(
                    DeviceContent(type: "swap", uuid: header.uuid(12), label: header.text(28, 16), byteCount: size))
            }
            let suspended: [StaticString] = ["S1SUSPEND", "S2SUSPEND", "ULSUSPEND", "LINHIB0001"]
            if suspended.contains(where: { block.has($0, at: 0) }) {
                return .content(DeviceContent(type: "swsuspend", uuid: header.uuid(12)))
            }
        }
        return nil
    }

    /// LUKS, whose second version keeps its header twice.
    static func luks(_ image: DeviceImage) -> Finding? {
        let magic: [UInt8] = [0x4c, 0x55, 0x4b, 0x53, 0xba, 0xbe]
        let copy: [UInt8] = [0x53, 0x4b, 0x55, 0x4c, 0xba, 0xbe]
        let block = image.bytes(at: 0, count: 512)
        guard block.has(magic, at: 0) else {
            let places: [Int64] = [0x4000, 0x8000, 0x10000, 0x20000, 0x40000, 0x80000]
            let hasCopy = places.contains { image.bytes(at: $0, count: 8).has(copy, at: 0) }
            return hasCopy ? .damaged(type: "crypto_LUKS", "only the second copy of its header is there") : nil
        }
        switch block.big16(6) {
        case 1: return .content(DeviceContent(type: "crypto_LUKS", uuid: block.text(168, 40)))
        case 2:
            return .content(DeviceContent(type: "crypto_LUKS", uuid: block.text(168, 40), label: block.text(24, 48)))
        case let version: return .damaged(type: "crypto_LUKS", "unknown version \(version)")
        }
    }

    /// A physical volume of LVM2, whose label is in one of the first four sectors.
    static func lvm(_ image: DeviceImage) -> Finding? {
        for sector in 0..<4 {
            let block = image.bytes(at: Int64(sector) * 512, count: 512)
            guard block.has("LABELONE", at: 0), block.has("LVM2 001", at: 24) else { continue }
            let header = Int(block.little32(20))
            let uuid = (32...480).contains(header) ? block.text(header, 32) : nil
            return .content(DeviceContent(type: "LVM2_member", uuid: uuid))
        }
        return nil
    }

    /// A member of a Linux software RAID, whose superblock is at the beginning or at the end.
    static func raid(_ image: DeviceImage) -> Finding? {
        let sectors = image.size / 512
        let places: [Int64] = [
            0, 4096, ((sectors - 16) & ~7) * 512, (image.size & ~0xffff) - 0x10000,
        ]
        for place in places where place >= 0 {
            let block = image.bytes(at: place, count: 64)
            guard block.little32(0) == 0xa92b_4efc || block.big32(0) == 0xa92b_4efc else { continue }
            let uuid = block.little32(4) == 1 ? block.uuid(16) : nil
            return .content(DeviceContent(type: "linux_raid_member", uuid: uuid))
        }
        return nil
    }

    /// A member of a ZFS pool: two labels at each end, each with an array of uberblocks.
    static func zfs(_ image: DeviceImage) -> Finding? {
        let label: Int64 = 256 << 10
        let end = image.size & ~(label - 1)
        var found = 0
        for start in [0, label, end - 2 * label, end - label] where start >= 0 {
            for place in stride(from: start + label / 2, to: start + label, by: 1024) {
                let block = image.bytes(at: place, count: 8)
                if block.little64(0) == 0x00ba_b10c || block.big64(0) == 0x00ba_b10c { found += 1 }
            }
        }
        return found > 0 ? .content(DeviceContent(type: "zfs_member")) : nil
    }
}
