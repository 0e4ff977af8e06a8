import SystemPackage
import Testing

@testable import CSIHost

@Suite("File systems: what users may ask for")
struct FileSystemOptionTests {
    @Test(
        arguments: [
            (.ext4, "", []), (.ext4, " -m 0\t-i 8192 ", ["-m", "0", "-i", "8192"]), (.ext4, "-m0", ["-m", "0"]),
            (
                .ext4, "-E lazy_itable_init=1,stride=2 -O ^has_journal,metadata_csum -E root_owner=1:2",
                ["-E", "lazy_itable_init=1,stride=2,root_owner=1:2", "-O", "^has_journal,metadata_csum"]
            ),
            (
                .xfs, "-m reflink=1,bigtime=1 -d su=64k,sw=4 -K",
                ["-m", "reflink=1,bigtime=1", "-d", "su=64k,sw=4", "-K"]
            ),
            (.btrfs, "-m single --csum=xxhash -O no-holes", ["-m", "single", "--csum", "xxhash", "-O", "no-holes"]),
        ] as [(FileSystemKind, String, [String])])
    func `options of mkfs are understood`(kind: FileSystemKind, text: String, words: [String]) throws {
        #expect(try MakeOptions(kind, parsing: text).arguments == words)
    }

    @Test(
        arguments: [
            (.ext4, "-F", "-F"), (.ext4, "-m 0 /dev/sda", "/dev/sda"), (.ext4, "-E offset=1", "-E offset=1"),
            (.ext4, "-L name", "-L"), (.ext4, "-J device=/dev/sda", "-J device=/dev/sda"), (.ext4, "-m", "-m"),
            (.ext4, "-m -F", "-m -F"), (.ext4, "-O journal_dev", "-O journal_dev"), (.ext4, "-z /tmp/undo", "-z"),
            (.ext4, "-b 4096;reboot", "-b 4096;reboot"), (.ext4, "-S", "-S"), (.ext4, "-n", "-n"), (.ext4, "--", "--"),
            (.xfs, "-f", "-f"), (.xfs, "-l logdev=/dev/sda", "-l logdev=/dev/sda"), (.xfs, "-d size=1g", "-d size=1g"),
            (.xfs, "-d file=1,name=x", "-d file=1,name=x"), (.xfs, "-p proto", "-p"), (.xfs, "-N", "-N"),
            (.xfs, "-m uuid=0", "-m uuid=0"), (.xfs, "-r rtdev=/dev/sda", "-r"), (.xfs, "-Kf", "-Kf"),
            (.btrfs, "-f", "-f"), (.btrfs, "--force", "--force"), (.btrfs, "-r /etc", "-r"), (.btrfs, "-b 1g", "-b"),
            (.btrfs, "-d raid1", "-d raid1"), (.btrfs, "--rootdir=/etc", "--rootdir=/etc"),
        ] as [(FileSystemKind, String, String)])
    func `options that harm are refused by name`(kind: FileSystemKind, text: String, refused: String) {
        let error = #expect(throws: UnsupportedOption.self) { try MakeOptions(kind, parsing: text) }
        #expect(error?.option == refused)
        #expect(error?.description.contains(refused.debugDescription) == true)
    }

    @Test
    func `the command for mkfs has everything once, and is never forced`() throws {
        var options = try MakeOptions(.ext4, parsing: "-E discard -m 0", label: "l", uuid: "u")
        #expect(
            MakeCommand.program(.ext4, "/dev/x", options)
                == Program(
                    "mkfs.ext4", ["-q", "-L", "l", "-U", "u", "-E", "nodiscard,discard", "-m", "0", "--", "/dev/x"]))
        options = MakeOptions(uuid: "u")
        #expect(
            MakeCommand.program(.xfs, "/dev/x", options)
                == Program("mkfs.xfs", ["-q", "-m", "uuid=u", "-K", "--", "/dev/x"]))
        options.discardsFirst = true
        #expect(MakeCommand.program(.btrfs, "/dev/x", options).arguments == ["-q", "-U", "u", "--", "/dev/x"])
    }

    @Test(
        arguments: [
            (.ext3, .bytes4096, "", ["-b", "4096"], false), (.ext4, .bytes4096, "-m 0", ["-b", "4096"], false),
            (.ext4, .bytes512, "", [], false), (.ext4, .bytes4096, "-b 1024", ["-b", "1024"], true),
            (.xfs, .bytes4096, "", ["-s", "size=4096"], false), (.xfs, .bytes512, "", ["-s", "size=512"], false),
            (.xfs, .bytes4096, "-s size=512", ["-s", "size=512"], true),
            (.xfs, .bytes4096, "-b size=1024", ["-b", "size=1024"], true), (.btrfs, .bytes4096, "", [], false),
            (.btrfs, .bytes4096, "--sectorsize 4096", ["--sectorsize", "4096"], true),
        ] as [(FileSystemKind, LoopOptions.SectorSize, String, [String], Bool)])
    func `mkfs is told the sectors of the device that an image file becomes, unless the user tells it`(
        kind: FileSystemKind, sectors: LoopOptions.SectorSize, words: String, expected: [String], isUsers: Bool
    ) throws {
        var options = try MakeOptions(kind, parsing: words)
        options.sectorSize = sectors
        #expect(options.setsBlockSize == isUsers)
        let sizes = ["-b", "-s", "--sectorsize"]
        let arguments = MakeCommand.program(kind, "/x", options).arguments
        let found = zip(arguments, arguments.dropFirst()).filter { sizes.contains($0.0) }.flatMap { [$0.0, $0.1] }
        #expect(found == expected)
    }

    @Test(
        arguments: [
            (.ext4, ["discard", "noatime"], .readWrite, [.noAccessTime], ["discard"]),
            (.ext4, ["ro,data=ordered", "commit=30"], .readOnly, [], ["data=ordered", "commit=30"]),
            (.xfs, ["rw", "defaults", "nouuid", "allocsize=64k"], .readWrite, [], ["nouuid", "allocsize=64k"]),
            (
                .btrfs, ["compress=zstd:3", "nosuid,nodev"], .readWrite, [.noSetUserID, .noDevices], ["compress=zstd:3"]
            ),
            (.xfs, ["inode64", "inode64", "lazytime"], .readWrite, [], ["inode64", "lazytime"]),
        ] as [(FileSystemKind, [String], FileSystemMountOptions.Access, BindOptions, [String])])
    func `mount flags are split`(
        kind: FileSystemKind, words: [String], access: FileSystemMountOptions.Access, flags: BindOptions,
        options: [String]
    ) throws {
        let parsed = try FileSystemMountOptions(kind, mountFlags: words)
        #expect(parsed.access == access)
        #expect(parsed.flags == flags)
        #expect(parsed.options == options)
    }

    @Test(
        arguments: [
            (.ext4, "loop"), (.ext4, "journal_path=/dev/sda"), (.ext4, "errors=panic"), (.ext4, "noload"),
            (.ext4, "nobarrier"), (.ext4, "barrier=0"), (.ext4, "data=writeback"), (.ext4, "commit=x"),
            (.ext4, "commit"), (.ext4, "discard=1"), (.ext4, "x-systemd.automount"), (.ext4, "remount"),
            (.ext4, "sb=8193"), (.xfs, "logdev=/dev/sda"), (.xfs, "rtdev=/dev/sda"), (.xfs, "norecovery"),
            (.xfs, "compress=zstd"), (.btrfs, "device=/dev/sda"), (.btrfs, "subvol=x"), (.btrfs, "rescue=all"),
            (.btrfs, "degraded"), (.btrfs, "compress=zstd:99"), (.btrfs, "nobarrier"), (.xfs, "uhelper=x"),
            (.ext4, "source=/dev/sda"), (.ext4, "bind"), (.ext4, "offset=5"),
        ] as [(FileSystemKind, String)])
    func `mount flags that harm are refused by name`(kind: FileSystemKind, word: String) {
        let error = #expect(throws: UnsupportedOption.self) {
            try FileSystemMountOptions(kind, mountFlags: ["noatime", word])
        }
        #expect(error?.option == word)
    }

    @Test(arguments: [
        (FileSystemKind.ext4, 0, "clean"), (.ext4, 1, "repaired"), (.ext4, 2, "repaired"), (.ext4, 3, "repaired"),
        (.ext4, 4, "damaged"), (.ext4, 5, "damaged"), (.ext4, 12, "damaged"), (.ext4, 8, "failed"),
        (.ext4, 16, "failed"),
        (.ext4, 32, "failed"), (.ext4, 9, "failed"), (.ext4, 128, "failed"), (.ext3, 1, "repaired"), (.xfs, 0, "clean"),
        (.xfs, 1, "damaged"), (.xfs, 2, "failed"), (.btrfs, 0, "clean"), (.btrfs, 1, "damaged"),
        (.btrfs, 127, "failed"),
    ])
    func `the status of a check is read bit by bit`(kind: FileSystemKind, status: Int, expected: String) {
        let found = CheckCommand.outcome(kind, ProgramOutcome(ending: .exited(status), standardOutput: "said"))
        #expect((found.map { "\($0)" } ?? "failed").hasPrefix(expected))
        #expect(CheckCommand.outcome(kind, ProgramOutcome(ending: .killed(signal: 9))) == nil)
    }
}
