/// The two ends of a device, which is where every known format has its signature.
package struct DeviceImage: Sendable {
    /// How many bytes of each end are looked at.
    package static let window = 1 << 20

    /// How many bytes at the beginning a file system of this kind has its superblock in.
    static func superblockEnd(of kind: FileSystemKind) -> Int {
        switch kind {
        case .ext3, .ext4: 4 << 10
        // The largest sector, over which its checksum goes.
        case .xfs: 32 << 10
        // 4 KiB at 64 KiB.
        case .btrfs: 68 << 10
        }
    }

    /// The size of the device in bytes.
    let size: Int64

    /// The first MiB, or all of a smaller device; what is missing is zeroes.
    let head: [UInt8]

    /// The last MiB, or all of a smaller device; what is missing is zeroes.
    let tail: [UInt8]

    /// Creates an image; nil when the ends are not as long as they have to be.
    package init?(size: Int64, head: [UInt8], tail: [UInt8]) {
        let expected = min(size, Int64(Self.window))
        guard size >= 0, Int64(head.count) == expected, Int64(tail.count) == expected else { return nil }
        self.size = size
        self.head = head
        self.tail = tail
    }

    /// Creates the image of a device with nothing but zeroes at both ends.
    init(zeroesOf size: Int64) {
        self.size = size
        head = []
        tail = []
    }

    /// Whether it is known to have nothing but zeroes at both ends.
    var isZero: Bool { head.isEmpty }

    /// Creates an image of which only the beginning was read.
    init(size: Int64, superblocks head: [UInt8]) {
        self.size = size
        self.head = head
        tail = []
    }

    /// Some bytes counted from the beginning.
    ///
    /// What lies outside of both ends, or of the device, reads as zeroes, which is no signature of anything.
    func bytes(at offset: Int64, count: Int) -> DiskBytes {
        guard offset >= 0, count >= 0 else { return DiskBytes([], count: count) }
        let tailStart = size - Int64(tail.count)
        let inHead = offset < Int64(head.count)
        let (source, start) = inHead ? (head, offset) : (tail, offset - tailStart)
        guard start >= 0, start < Int64(source.count) else { return DiskBytes([], count: count) }
        let first = Int(start)
        let last = min(source.count, first + min(count, source.count))
        return DiskBytes(source[first..<last], count: count)
    }

    /// Where the first byte is that is not zero; nil when both ends are zeroes.
    var firstUsedByte: Int64? {
        if let place = Self.firstUsedByte(in: head) { return Int64(place) }
        guard let place = Self.firstUsedByte(in: tail) else { return nil }
        return size - Int64(tail.count) + Int64(place)
    }

    private static func firstUsedByte(in bytes: [UInt8]) -> Int? {
        bytes.withUnsafeBytes { (buffer) -> Int? in
            // Words first: this runs over every blank device.
            var place = 0
            while place + 8 <= buffer.count, buffer.loadUnaligned(fromByteOffset: place, as: UInt64.self) == 0 {
                place += 8
            }
            while place < buffer.count {
                if buffer[place] != 0 { return place }
                place += 1
            }
            return nil
        }
    }
}
