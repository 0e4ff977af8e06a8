import SystemPackage
import Testing

@testable import CSIHost

@Suite("The probe: superblocks as bytes")
struct SuperblockProbeTests {
    /// What is written where, on a disk of zeros.
    struct Mark: Sendable {
        let offset: Int64
        let bytes: [UInt8]

        init(_ offset: Int64, _ bytes: [UInt8]) {
            self.offset = offset
            self.bytes = bytes
        }

        init(_ offset: Int64, _ text: String) {
            self.init(offset, Array(text.utf8))
        }
    }

    private static let size: Int64 = 64 << 20

    private static func image(size: Int64 = Self.size, _ marks: [Mark]) -> DeviceImage? {
        let window = Int(min(size, Int64(DeviceImage.window)))
        var head = [UInt8](repeating: 0, count: window)
        var tail = head
        for mark in marks {
            for (index, byte) in mark.bytes.enumerated() {
                let place = mark.offset + Int64(index)
                if place < Int64(window) { head[Int(place)] = byte }
                let fromTail = place - (size - Int64(window))
                if fromTail >= 0, fromTail < Int64(window) { tail[Int(fromTail)] = byte }
            }
        }
        return DeviceImage(size: size, head: head, tail: tail)
    }

    private static func probe(size: Int64 = Self.size, _ marks: [Mark]) -> ProbeResult {
        image(size: size, marks).map(SuperblockProbe.examine) ?? .ambiguous("no image")
    }

    private static func luks(_ version: UInt8) -> [Mark] {
        [
            Mark(0, [0x4c, 0x55, 0x4b, 0x53, 0xba, 0xbe, 0, version]),
            Mark(168, "8d3f0e1e-8b1c-4f43-a4b2-01d3ce5c5e3a"),
        ]
    }

    /// Version 4, which has no checksum; as large as the disk.
    private static let xfs = [
        Mark(0, "XFSB"), Mark(4, [0, 0, 16, 0]), Mark(8, [0, 0, 0, 0, 0, 0, 64, 0]), Mark(88, [0, 0, 0, 4]),
        Mark(100, [0, 4, 2, 0]),
    ]

    private static let boot: [UInt8] = [0x55, 0xaa]

    @Test(
        arguments: [
            ("crypto_LUKS", luks(1)), ("crypto_LUKS", luks(2) + [Mark(0x4000, "SKUL\u{0}")]),
            ("LVM2_member", [Mark(512, "LABELONE"), Mark(512 + 20, [32]), Mark(512 + 24, "LVM2 001")]),
            ("swap", [Mark(4086, "SWAPSPACE2"), Mark(1028, [0xff, 0x0f])]), ("swap", [Mark(65526, "SWAPSPACE2")]),
            ("swsuspend", [Mark(4086, "S1SUSPEND")]),
            ("gpt", [Mark(510, boot), Mark(446 + 4, [0xee]), Mark(512, "EFI PART")]),
            ("gpt", [Mark(4096, "EFI PART"), Mark(size - 4096, "EFI PART")]),
            ("dos", [Mark(510, boot), Mark(440, [1, 2, 3, 4]), Mark(446, [0x80]), Mark(450, [0x83])]),
            ("vfat", [Mark(510, boot), Mark(82, "FAT32   ")]), ("vfat", [Mark(510, boot), Mark(54, "FAT16   ")]),
            ("ntfs", [Mark(510, boot), Mark(3, "NTFS    ")]), ("exfat", [Mark(510, boot), Mark(3, "EXFAT   ")]),
            ("BitLocker", [Mark(510, boot), Mark(3, "-FVE-FS-")]),
            ("xfs", xfs), ("f2fs", [Mark(1024, [0x10, 0x20, 0xf5, 0xf2])]),
            ("linux_raid_member", [Mark(4096, [0xfc, 0x4e, 0x2b, 0xa9, 1])]),
            ("linux_raid_member", [Mark(0, [0xfc, 0x4e, 0x2b, 0xa9, 1])]),
            ("linux_raid_member", [Mark(size - 8192, [0xfc, 0x4e, 0x2b, 0xa9, 1])]),
            ("linux_raid_member", [Mark(size - 65536, [0xfc, 0x4e, 0x2b, 0xa9])]),
            ("zfs_member", [Mark(128 << 10, [0x0c, 0xb1, 0xba, 0])]),
            ("zfs_member", [Mark(size - (128 << 10), [0, 0, 0, 0, 0, 0xba, 0xb1, 0x0c])]),
            ("iso9660", [Mark(32769, "CD001")]), ("squashfs", [Mark(0, "hsqs")]),
            ("ceph_bluestore", [Mark(0, "bluestore block device\n")]), ("oracleasm", [Mark(32, "ORCLDISK")]),
            (
                "bcache",
                [
                    Mark(
                        4120,
                        [
                            0xc6, 0x85, 0x73, 0xf6, 0x4e, 0x1a, 0x45, 0xca, 0x82, 0x65, 0xf5, 0x7f, 0x48, 0xba, 0x6d,
                            0x81,
                        ])
                ]
            ),
        ] as [(String, [Mark])])
    func `signatures are recognised`(type: String, marks: [Mark]) {
        #expect(Self.probe(marks).content?.type == type)
    }

    @Test(arguments: [4096, 512, 1, 4095, 1 << 20, (1 << 20) + 1, 3 << 20] as [Int64])
    func `only zeros are blank, whatever the size`(size: Int64) {
        #expect(Self.probe(size: size, []) == .blank)
        for place in [0, size / 2, size - 1] where place < 1 << 20 || place >= size - 1 << 20 {
            let found = Self.probe(size: size, [Mark(place, [1])])
            guard case .ambiguous = found else {
                Issue.record("a byte at \(place) of \(size) gave \(found)")
                continue
            }
        }
    }

    @Test
    func `a device without a size is not blank`() {
        #expect(Self.probe(size: 0, []) == .ambiguous("the device has no size"))
        #expect(DeviceImage(size: 10, head: [], tail: []) == nil)
        #expect(DeviceImage(size: -1, head: [], tail: []) == nil)
    }

    @Test(
        arguments: [
            [Mark(1024 + 0x38, [0x53, 0xef])],
            [Mark(1024 + 0x38, [0x53, 0xef]), Mark(1024 + 0x18, [0xff, 0xff, 0xff, 0xff]), Mark(1024 + 4, [1])],
            // Checksums are said to be there, and are not.
            [Mark(1024 + 0x38, [0x53, 0xef]), Mark(1024 + 4, [1]), Mark(1024 + 0x65, [4])],
            // 2^64 - 1 blocks.
            [
                Mark(1024 + 0x38, [0x53, 0xef]), Mark(1024 + 4, [0xff, 0xff, 0xff, 0xff]), Mark(1024 + 0x60, [0x80]),
                Mark(1024 + 0x150, [0xff, 0xff, 0xff, 0xff]), Mark(1024 + 0x18, [6]),
            ],
            [Mark(0, "XFSB")], [Mark(0, "XFSB"), Mark(4, [0, 0, 16, 0]), Mark(102, [0xff, 0xff])],
            [
                Mark(0, "XFSB"), Mark(4, [0, 0, 16, 0]), Mark(8, [UInt8](repeating: 0xff, count: 8)), Mark(88, [1]),
                Mark(100, [0, 4, 2, 0]),
            ],
            // Mkfs has not come to its end.
            xfs + [Mark(126, [1])], [Mark(65536 + 0x40, "_BHRfS_M")],
            [Mark(65536 + 0x40, "_BHRfS_M"), Mark(65536 + 0x30, [0, 0, 1]), Mark(65536 + 0xc4, [1])],
            [Mark(0x4000, [0x53, 0x4b, 0x55, 0x4c, 0xba, 0xbe])], luks(7), [Mark(size - 512, "EFI PART")],
            // Two at once.
            luks(1) + [Mark(4086, "SWAPSPACE2")], [Mark(32769, "CD001"), Mark(32769 - 1, [1]), Mark(0, "hsqs")],
            // Larger than its device.
            [Mark(4086, "SWAPSPACE2"), Mark(1028, [0xff, 0xff, 0xff, 0xff])],
        ] as [[Mark]])
    func `what is damaged, doubled or impossible is unclear`(marks: [Mark]) {
        guard case .ambiguous = Self.probe(marks) else {
            Issue.record("\(Self.probe(marks))")
            return
        }
    }

    @Test
    func `no bytes can trap the probe`() {
        var seed: UInt64 = 42
        func next() -> UInt64 {
            seed = seed &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return seed >> 17
        }
        let magics: [Mark] = [
            Mark(1024 + 0x38, [0x53, 0xef]), Mark(0, "XFSB"), Mark(65536 + 0x40, "_BHRfS_M"), Mark(512, "LABELONE"),
            Mark(536, "LVM2 001"), Mark(4086, "SWAPSPACE2"), Mark(510, Self.boot), Mark(512, "EFI PART"),
            Mark(4096, [0xfc, 0x4e, 0x2b, 0xa9]), Mark(1024, [0x10, 0x20, 0xf5, 0xf2]),
        ]
        for round in 0..<300 {
            let size = [1, 511, 4096, 70000, 1 << 20, 2 << 20, 5 << 20][Int(next() % 7)] as Int64
            var marks = (0..<8).map { (_) -> Mark in
                let bytes = (0..<64).map { _ in UInt8(truncatingIfNeeded: next()) }
                return Mark(Int64(next() % 70000), bytes)
            }
            marks.append(magics[round % magics.count])
            #expect(!Self.probe(size: size, marks).isBlank || size < 70000)
        }
    }
}
