/// The checksum that ext4, XFS and Btrfs put over their superblocks.
enum CRC32C {
    private static let table: [UInt32] = (0..<256).map { (byte: UInt32) in
        (0..<8).reduce(byte) { (value, _) in value & 1 == 1 ? value >> 1 ^ 0x82f6_3b78 : value >> 1 }
    }

    /// The running value over some bytes, without the final inversion.
    static func update(_ seed: UInt32, _ bytes: some Sequence<UInt8>) -> UInt32 {
        bytes.reduce(seed) { table[Int(UInt8(truncatingIfNeeded: $0) ^ $1)] ^ $0 >> 8 }
    }
}
