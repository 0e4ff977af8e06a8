import CSIHost
import SystemPackage
import Testing

@Suite("Copying trees on real file systems", .enabled(if: HostKind.attachingIsAllowed, HostKind.howToAllowAttaching))
struct TreeCopyFileSystemTests {
    /// Makes a tree with every kind of file and attribute, and compares two trees in all that a copy keeps.
    ///
    /// In a language of its own, and with calls of its own, so that the library is not its own judge.
    private static let judge = #"""
        import os, socket, stat, struct, sys

        def acl(*entries):
            return struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in entries)

        def make(top):
            os.mkdir(top)
            os.chdir(top)
            nobody = 0xffffffff
            access = acl((1, 6, nobody), (2, 7, 1234), (4, 4, nobody), (16, 7, nobody), (32, 0, nobody))
            default = acl((1, 7, nobody), (2, 5, 4321), (4, 5, nobody), (16, 5, nobody), (32, 5, nobody))
            for name in ["plain", "setuid", "attributes", "acl", "capability", "linked", "owned", "secret"]:
                with open(name, "wb") as file: file.write(name.encode() * 1000)
            os.chmod("setuid", 0o6751)
            os.chmod("secret", 0)
            os.setxattr("attributes", "user.empty", b"")
            os.setxattr("attributes", "user.binary", bytes(range(256)))
            os.setxattr("attributes", "trusted.long", b"x" * 300)
            os.setxattr("acl", "system.posix_acl_access", access)
            os.setxattr("capability", "security.capability", struct.pack("<IIIII", 0x02000001, 1 << 10, 0, 0, 0))
            os.chown("owned", 70000, 70001)
            os.chown("setuid", 5, 6)
            os.chmod("setuid", 0o6751)
            with open("sparse", "wb") as file:
                file.seek(1 << 20); file.write(b"middle"); file.truncate(8 << 20)
            with open("hole", "wb") as file: file.truncate(3 << 20)
            with open("large", "wb") as file:
                for index in range(20 << 10): file.write(struct.pack("<I", index) * 256)
            open("empty", "wb").close()
            os.mkdir("d"); os.mkdir("d/inherits"); os.mkdir("d/sticky")
            os.setxattr("d/inherits", "system.posix_acl_default", default)
            os.setxattr("d/inherits", "system.posix_acl_access", acl((1, 7, nobody), (4, 5, nobody), (32, 5, nobody)))
            with open("d/inherits/before", "wb"): pass
            os.removexattr("d/inherits/before", "system.posix_acl_access")
            os.chmod("d/inherits/before", 0o600)
            os.mkdir("d/inherits/below")
            os.chmod("d/sticky", 0o3777)
            os.link("linked", "d/linked"); os.link("linked", "d/sticky/linked")
            os.symlink("../nowhere", "d/dangling"); os.symlink("/etc", "absolute")
            os.lchown("absolute", 8, 9)
            os.setxattr("absolute", "trusted.of-a-link", b"1", follow_symlinks=False)
            os.link("absolute", "d/absolute", follow_symlinks=False)
            os.mkfifo("fifo", 0o640)
            os.link("fifo", "d/fifo")
            os.mknod("null", stat.S_IFCHR | 0o666, os.makedev(1, 3)); os.chown("null", 3, 4)
            os.mknod("disk", stat.S_IFBLK | 0o660, os.makedev(259, 70000))
            os.mknod("socket", stat.S_IFSOCK | 0o755)
            open(b"bytes \xff\n\\", "wb").close()
            # Last, and the deepest first: what is made in a directory changes its time.
            for place, directories, names in os.walk(".", topdown=False):
                for name in names + ["."]:
                    path = os.path.join(place, name)
                    number = sum(path.encode(errors="surrogateescape"))
                    os.utime(path, ns=(10**18 + number, 10**18 + 10**9 + 7 * number), follow_symlinks=False)

        def extents(path, size):
            found, end = [], 0
            with open(path, "rb") as file:
                while end < size:
                    try: start = os.lseek(file.fileno(), end, os.SEEK_DATA)
                    except OSError: break
                    end = os.lseek(file.fileno(), start, os.SEEK_HOLE)
                    found.append((start >> 12, (end + 4095) >> 12))
            return found

        def manifest(top):
            entries, groups = {}, {}
            def visit(path, name):
                status = os.lstat(path)
                entry = {key: getattr(status, "st_" + key) for key in ["mode", "uid", "gid", "rdev", "atime_ns", "mtime_ns"]}
                entries[name] = entry
                entry["attributes"] = {key: os.getxattr(path, key, follow_symlinks=False)
                    for key in os.listxattr(path, follow_symlinks=False) if not key.startswith(("security.selinux", "trusted.SGI_ACL_"))}
                if stat.S_ISDIR(status.st_mode):
                    for child in os.listdir(path): visit(os.path.join(path, child), os.path.join(name, child))
                    return
                groups.setdefault(status.st_ino, set()).add(name)
                entry["names"], entry["links"] = groups[status.st_ino], status.st_nlink
                if stat.S_ISLNK(status.st_mode): entry["target"] = os.readlink(path)
                if stat.S_ISREG(status.st_mode):
                    entry["size"] = status.st_size
                    entry["extents"] = extents(path, status.st_size)
                    with open(path, "rb") as file: entry["content"] = hash(file.read())
            visit(os.fsencode(top), b".")
            return entries

        if sys.argv[1] == "make":
            os.umask(0o022)
            make(sys.argv[2])
        else:
            original, copy = manifest(sys.argv[2]), manifest(sys.argv[3])
            for name in sorted(original.keys() | copy.keys()):
                mine, other = original.get(name), copy.get(name)
                if mine is None or other is None: print(name, "is missing or new", file=sys.stderr)
                else:
                    for key in mine:
                        if mine[key] != other[key]: print(name, key, mine[key], other[key], file=sys.stderr)
            sys.exit(original != copy)
        """#

    /// Where from and where to, by the types of the file systems, and whether blocks are shared between them.
    static let pairs: [(String, String, Bool)] = [
        ("ext4", "ext4", false), ("xfs", "xfs", true), ("btrfs", "btrfs", true), ("ext4", "xfs", false),
        ("xfs", "btrfs", false), ("btrfs", "ext4", false),
    ]

    /// Mounts an empty file system, on which reading leaves no trace, so that the judge can look twice.
    private func addFileSystem(_ type: String, _ rig: LinuxRig) throws -> FilePath {
        let place = rig.scratch.appending(type)
        try rig.addFileSystem(type, at: place)
        try rig.run(["mount", "-o", "remount,noatime", place.string])
        return place
    }

    @Test func `every kind of file and attribute is kept`() async throws {
        let rig = try LinuxRig()
        defer { rig.cleanUp() }
        for type in Set(Self.pairs.map(\.0)) {
            let place = try addFileSystem(type, rig)
            try rig.run(["python3", "-c", Self.judge, "make", place.appending("original").string])
        }
        for (from, to, shares) in Self.pairs {
            let source = try await rig.files.openDirectory(rig.scratch.appending(from).appending("original"))
            let target = try await rig.files.openDirectory(rig.scratch.appending(to))
            let name = FilePath("copy-of-\(from)")
            let result = try await target.copyTree(from: source, to: name, options: TreeCopyOptions())
            #expect(
                shares == (result.sharedBytes > 20 << 20) && shares == (result.copiedBytes < 1 << 20), "\(from) \(to)")
            try rig.run([
                "python3", "-c", Self.judge, "compare", source.path.string,
                target.path.appending(name.components.first ?? "x").string,
            ])
        }
    }

    @Test func `a directory with a default list and a group of its own does not leave its mark`() async throws {
        let rig = try LinuxRig()
        defer { rig.cleanUp() }
        let place = try addFileSystem("xfs", rig)
        try rig.run(["python3", "-c", Self.judge, "make", place.appending("original").string])
        try rig.run([
            "python3", "-c",
            """
            import os, struct, sys
            os.mkdir(sys.argv[1])
            entries = [(1, 7, -1), (2, 7, 99), (4, 0, -1), (16, 7, -1), (32, 0, -1)]
            acl = struct.pack("<I", 2) + b"".join(struct.pack("<HHi", *entry) for entry in entries)
            os.setxattr(sys.argv[1], "system.posix_acl_default", acl)
            os.chown(sys.argv[1], 0, 77)
            os.chmod(sys.argv[1], 0o2777)
            """, place.appending("marked").string,
        ])
        let source = try await rig.files.openDirectory(place.appending("original"))
        let target = try await rig.files.openDirectory(place.appending("marked"))
        try await target.copyTree(from: source, to: "copy", options: TreeCopyOptions())
        try rig.run([
            "python3", "-c", Self.judge, "compare", source.path.string, target.path.appending("copy").string,
        ])
    }

    @Test func `what a file system cannot hold is named`() async throws {
        let rig = try LinuxRig()
        defer { rig.cleanUp() }
        let (xfs, ext4) = (rig.scratch.appending("xfs"), rig.scratch.appending("ext4"))
        try rig.addFileSystem("xfs", at: xfs)
        try rig.addFileSystem("ext4", at: ext4)
        let tree = try await rig.files.openDirectory(xfs)
        try await tree.createDirectory("v", permissions: [.ownerReadWriteExecute])
        try await tree.writeFileDurably("v/file", [1])
        // More than ext4 has room for beside the inode.
        try rig.setAttribute(
            "user.large", of: xfs.appending("v").appending("file"), to: Array(repeating: 1, count: 20_000))
        let target = try await rig.files.openDirectory(ext4)
        do throws(HostError) {
            try await target.copyTree(from: tree.openDirectory("v"), to: "c", options: TreeCopyOptions())
            Issue.record("the attribute is gone")
        } catch {
            #expect(error.kind == .noSpace && error.path == ext4.appending("c").appending("file"))
            #expect(error.description.contains("user.large"))
        }
    }
}
