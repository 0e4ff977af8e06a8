/// A format that is recognised by bytes at one place.
struct SimpleSignature: Sendable {
    let type: String
    let offset: Int64
    let magic: [UInt8]

    private init(_ type: String, _ offset: Int64, _ magic: [UInt8]) {
        self.type = type
        self.offset = offset
        self.magic = magic
    }

    private init(_ type: String, _ offset: Int64, _ text: String) {
        self.init(type, offset, Array(text.utf8))
    }

    func matches(_ image: DeviceImage) -> Bool {
        image.bytes(at: offset, count: magic.count).has(magic, at: 0)
    }

    /// What this library never makes or mounts and must not take for blank, by blkid's names.
    static let all: [SimpleSignature] = [
        SimpleSignature("iso9660", 32769, "CD001"),
        SimpleSignature("udf", 32769, "BEA01"),
        SimpleSignature("squashfs", 0, "hsqs"),
        SimpleSignature("erofs", 1024, [0xe2, 0xe1, 0xf5, 0xe0]),
        SimpleSignature("reiserfs", 65536 + 52, "ReIsEr"),
        SimpleSignature("reiser4", 65536, "ReIsEr4"),
        SimpleSignature("jfs", 32768, "JFS1"),
        SimpleSignature("gfs2", 65536, [0x01, 0x16, 0x19, 0x70]),
        SimpleSignature("ocfs2", 8192, "OCFSV2"),
        SimpleSignature("hfsplus", 1024, [0x48, 0x2b, 0x00, 0x04]),
        SimpleSignature("apfs", 32, "NXSB"),
        SimpleSignature(
            "bcache", 4096 + 24,
            [0xc6, 0x85, 0x73, 0xf6, 0x4e, 0x1a, 0x45, 0xca, 0x82, 0x65, 0xf5, 0x7f, 0x48, 0xba, 0x6d, 0x81]),
        SimpleSignature(
            "bcachefs", 4096 + 24,
            [0xc6, 0x85, 0x73, 0xf6, 0x66, 0xce, 0x90, 0xa9, 0xd9, 0x6a, 0x60, 0xcf, 0x80, 0x3d, 0xf7, 0xef]),
        SimpleSignature("ceph_bluestore", 0, "bluestore block device"),
        SimpleSignature("DM_integrity", 0, "integrt\0"),
        SimpleSignature("DM_verity_hash", 0, "verity\0\0"),
        SimpleSignature("vdo", 0, "dmvdo001"),
        SimpleSignature("oracleasm", 32, "ORCLDISK"),
        SimpleSignature("stratis", 528, "!Stra0tis"),
        SimpleSignature("ubi", 0, "UBI#"),
    ]
}
