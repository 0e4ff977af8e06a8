import SystemPackage
import Testing

@testable import CSIHost

@Suite("Mount table: parsing and questions")
struct MountTableTests {
    private func table(_ text: String) throws -> MountTable {
        try MountTableReader.parse(Array(text.utf8), for: CallSite(.mountTable, at: "test"))
    }

    @Test
    func `every part of a line is read`() throws {
        let line =
            "36 35 98:4 /vol\\0401 /mnt/a\\011b\\012c\\134d rw,nosuid,noatime shared:7 master:2 - ext4 /dev/sda1 rw,errors=continue\n"
        let entry = try #require(try table(line).entries.first)
        #expect(entry.mountID == 36)
        #expect(entry.parentID == 35)
        #expect(entry.device == DeviceNumber(major: 98, minor: 4))
        #expect(entry.root == "/vol 1")
        #expect(entry.mountPoint == "/mnt/a\tb\nc\\d")
        #expect(entry.mountOptions == ["rw", "nosuid", "noatime"])
        #expect(entry.superOptions == ["rw", "errors=continue"])
        #expect(entry.filesystemType == "ext4")
        #expect(entry.source == "/dev/sda1")
        #expect((entry.peerGroup, entry.masterGroup) == (7, 2))
        #expect(entry.bindOptions == [.noSetUserID, .noAccessTime])
        #expect(!entry.isReadOnly)
        #expect(!entry.isRootDeleted)
    }

    @Test(arguments: [
        ("/pool/v1//deleted", "/pool/v1", true),
        ("//deleted", "/", true),
        ("/pool/deleted", "/pool/deleted", false),
        ("/pool/v1", "/pool/v1", false),
    ])
    func `a removed root is marked and keeps its path`(text: String, root: String, isDeleted: Bool) throws {
        let entry = try #require(try table("2 1 8:1 \(text) /t rw - ext4 /dev/a rw\n").entries.first)
        #expect(entry.root == FilePath(root))
        #expect(entry.isRootDeleted == isDeleted)
    }

    @Test
    func `lines that make no sense are left out, the others are kept`() throws {
        let text = """
            1 0 8:1 / / rw - ext4 /dev/a rw
            this is no mount
            2 1 8:2 / /b
            3 1 8:3 / /c rw,relatime unbindable future:9 strange - tmpfs none rw
            4 1 x:y / /d rw - ext4 /dev/d rw

            5 1 0:9 / /e rw - fuse.thing source\\040with\\040spaces rw
            """
        let entries = try table(text + "\n").entries
        #expect(entries.map(\.mountPoint).filter { $0 != "/b" && $0 != "/d" } == ["/", "/c", "/e"])
        #expect(entries.last?.source == "source with spaces")
        #expect(try table("").entries.isEmpty)
    }

    @Test(arguments: 0..<50)
    func `generated tables come back as they went in`(seed: UInt64) throws {
        var random = SplitMix(state: seed)
        let words = ["a", "with space", "tab\tnew\nline", "back\\slash", "#x", "\u{fc}", "deleted", "040", "\\040"]
        var expected: [MountEntry] = []
        for id in 1...20 {
            let path = { (random: inout SplitMix) in
                FilePath(
                    "/" + (0...random.below(3)).map { _ in words[random.below(words.count)] }.joined(separator: "/"))
            }
            expected.append(
                MountEntry(
                    mountID: id, parentID: random.below(20), device: DeviceNumber(major: 8, minor: UInt32(id)),
                    root: path(&random), mountPoint: path(&random), filesystemType: "ext4", source: "/dev/x",
                    mountOptions: [random.below(2) == 0 ? "ro" : "rw", "relatime"], superOptions: ["rw"],
                    peerGroup: random.below(2) == 0 ? random.below(90) : nil))
        }
        let text = expected.map(Self.line).joined()
        #expect(try table(text).entries == expected)
    }

    private static func line(_ entry: MountEntry) -> String {
        let escaped = { (path: FilePath) in
            path.string.replacing("\\", with: "\\134").replacing(" ", with: "\\040").replacing("\t", with: "\\011")
                .replacing("\n", with: "\\012").replacing("#", with: "\\043")
        }
        let tags = entry.peerGroup.map { " shared:\($0)" } ?? ""
        return "\(entry.mountID) \(entry.parentID) \(entry.device) \(escaped(entry.root)) \(escaped(entry.mountPoint)) "
            + entry.mountOptions.joined(separator: ",") + tags
            + " - \(entry.filesystemType) \(entry.source) \(entry.superOptions.joined(separator: ","))\n"
    }

    @Test
    func `a path with the same beginning is not below`() throws {
        let table = try table(
            """
            1 0 8:1 / / rw - ext4 /dev/a rw
            2 1 8:2 / /mnt rw - ext4 /dev/b rw
            3 1 8:3 / /mnt2 rw - ext4 /dev/c rw
            4 2 8:4 /x /mnt/sub rw - ext4 /dev/d rw

            """)
        #expect(table.mountPoint(containing: "/mnt2/f")?.mountID == 3)
        #expect(table.mountPoint(containing: "/mnt/f")?.mountID == 2)
        #expect(table.mountPoint(containing: "/mnt/subway")?.mountID == 2)
        #expect(table.mountPoint(containing: "/mn")?.mountID == 1)
        #expect(table.mounts(beneath: "/mnt").map(\.mountID) == [4])
        #expect(table.mounts(beneath: "/").map(\.mountID) == [2, 3, 4])
        #expect(
            table.origin(of: "/mnt/sub/a/b") == MountOrigin(device: DeviceNumber(major: 8, minor: 4), root: "/x/a/b"))
        #expect(table.origin(of: "/mnt") == MountOrigin(device: DeviceNumber(major: 8, minor: 2), root: "/"))
    }

    @Test
    func `a table whose parents form a circle is answered`() throws {
        let table = try table(
            """
            1 2 8:1 / / rw - ext4 /dev/a rw
            2 1 8:2 / / rw - ext4 /dev/b rw
            3 3 8:3 / /c rw - ext4 /dev/c rw

            """)
        #expect(table.topmost(at: "/c")?.mountID == 3)
        _ = table.topmost(at: "/")
        #expect(MountTable(entries: []).topmost(at: "/") == nil)
    }

    @Test
    func `the table of this process has a root and this process's proc`() async throws {
        let table = try await LinuxHost().mounts.mountTable()
        #expect(table.topmost(at: "/") != nil)
        #expect(table.mountPoint(containing: "/proc/self")?.filesystemType == "proc")
    }
}

/// A small generator of repeatable numbers.
struct SplitMix {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var value = state
        value = (value ^ (value >> 30)) &* 0xbf58_476d_1ce4_e5b9
        value = (value ^ (value >> 27)) &* 0x94d0_49bb_1331_11eb
        return value ^ (value >> 31)
    }

    mutating func below(_ limit: Int) -> Int {
        Int(next() % UInt64(limit))
    }
}
