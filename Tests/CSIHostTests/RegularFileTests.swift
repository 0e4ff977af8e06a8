import CLinux
import Glibc
import SystemPackage
import Testing

@testable import CSIHost

/// What another program does between the reading of a directory and the opening of what was read.
@Suite("Only regular files are opened, whatever a name stood for before")
struct RegularFileTests {
    /// What has taken the place of a file.
    enum Swapped: String, CaseIterable {
        case fifo
        case socket
        case link
        case device

        /// Devices are made by root alone.
        static var possible: [Swapped] { allCases.filter { $0 != .device || HostKind.attachingIsAllowed } }

        var type: mode_t {
            switch self {
            case .fifo: Glibc.S_IFIFO
            case .socket: Glibc.S_IFSOCK
            case .link: Glibc.S_IFLNK
            case .device: Glibc.S_IFCHR
            }
        }

        func make(_ path: FilePath) throws {
            let result =
                switch self {
                case .fifo: mkfifo(path.string, 0o640)
                case .socket: mknod(path.string, Glibc.S_IFSOCK | 0o640, 0)
                case .link: symlink("file", path.string)
                // That of /dev/null, which nothing happens to if it is opened after all.
                case .device: Int32(clinux_mknodat(CLINUX_AT_FDCWD, path.string, Glibc.S_IFCHR | 0o640, 1, 3))
                }
            guard result == 0 else { throw LinuxRig.failed("make \(path)") }
        }
    }

    /// Says which files of a directory have been opened.
    private final class Watch {
        private let raw: CInt

        init(_ directory: FilePath) throws {
            raw = inotify_init1(CInt(IN_NONBLOCK))
            guard raw >= 0, inotify_add_watch(raw, directory.string, UInt32(IN_OPEN)) >= 0 else {
                throw LinuxRig.failed("watch \(directory)")
            }
        }

        deinit { close(raw) }

        func names() -> Set<String> {
            var buffer = [UInt8](repeating: 0, count: 16 << 10)
            let count = read(raw, &buffer, buffer.count)
            var names: Set<String> = []
            var start = 0
            while start + MemoryLayout<inotify_event>.size <= count {
                let length = buffer.withUnsafeBytes {
                    Int($0.loadUnaligned(fromByteOffset: start + 12, as: UInt32.self))
                }
                start += MemoryLayout<inotify_event>.size
                names.insert(String(decoding: buffer[start..<start + length].prefix { $0 != 0 }, as: UTF8.self))
                start += length
            }
            return names.subtracting([""])
        }
    }

    /// Copies `node`, as if it had been a file a moment ago, and `file`, which is one.
    /// - Returns: What was opened.
    private func copyFiles(_ rig: LinuxRig, _ place: FilePath) throws -> Set<String> {
        for name in ["v", "c"] {
            guard mkdir(place.appending(name).string, 0o755) == 0 else { throw LinuxRig.failed(name) }
        }
        let (source, target) = (place.appending("v"), place.appending("c"))
        #expect(rig.applicationWrites(source.appending("file"), [1, 2]))
        let site = CallSite(.copyTree, at: source)
        let original = try Resolution.absolute.open(source, CLINUX_O_READ_DIRECTORY, for: site)
        let copy = try Resolution.absolute.open(target, CLINUX_O_READ_DIRECTORY, for: site)
        let top = try Resolution.absolute.open(target, CLINUX_O_READ_DIRECTORY, for: site)
        let files = try RegularFiles(in: original, for: site)
        var job = TreeCopy(
            from: try TreeWalk(original, at: source, for: .copyTree),
            to: try TreeWalk(copy, at: target, for: .copyTree),
            top: top, files: files, options: TreeCopyOptions())
        for swapped in Swapped.possible { try swapped.make(source.appending(swapped.rawValue)) }
        let watch = try Watch(source)
        for name in Swapped.possible.map(\.rawValue) + ["file", "gone"] {
            let component = try #require(FilePath.Component(name))
            try job.copyFile(component)
        }
        #expect(rig.content(of: target.appending("file")) == [1, 2])
        for swapped in Swapped.possible {
            var (before, after) = (stat(), stat())
            #expect(lstat(source.appending(swapped.rawValue).string, &before) == 0)
            #expect(lstat(target.appending(swapped.rawValue).string, &after) == 0)
            #expect(after.st_mode == before.st_mode && after.st_mode & Glibc.S_IFMT == swapped.type)
            #expect(after.st_rdev == before.st_rdev)
        }
        return watch.names()
    }

    @Test func `what has taken the place of a file is copied as what it is, and never opened`() throws {
        let rig = try LinuxRig()
        defer { rig.cleanUp() }
        #expect(try copyFiles(rig, rig.scratch) == ["file"])
    }

    @Test(.enabled(if: HostKind.attachingIsAllowed, HostKind.howToAllowAttaching))
    func `a mount without devices is trusted with that`() throws {
        let rig = try LinuxRig()
        defer { rig.cleanUp() }
        let place = rig.scratch.appending("nodev")
        try rig.addFileSystem(at: place, bytes: 1 << 20)
        try rig.run(["mount", "-o", "remount,bind,nodev", place.string])
        // A pipe is nobody else's, and opening it has no effect beyond the volume.
        #expect(try copyFiles(rig, place).subtracting(["fifo"]) == ["file"])
    }
}
