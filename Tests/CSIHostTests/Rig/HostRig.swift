import CSIHost
import CSITestKit
import Glibc
import SystemPackage
import Testing

/// Which host a contract test runs against.
enum HostKind: String, CaseIterable, CustomTestStringConvertible {
    case fake
    case linux

    var testDescription: String { rawValue }

    /// The hosts that can mount here.
    static var mounting: [HostKind] { mountsAreAllowed ? [.fake, .linux] : [.fake] }

    /// Whether the tests may mount: only in a mount namespace of their own.
    static var mountsAreAllowed: Bool { getenv("SWIFT_CSI_TEST_MOUNTS") != nil }

    static let howToAllowMounts: Comment = """
        the mount contract needs a private mount namespace: run the tests with SWIFT_CSI_TEST_MOUNTS=1 under \
        `unshare --mount --propagation private` as root, or under `unshare -rm`
        """
}

/// A host and an empty directory on it, on a file system of its own where the tests may mount.
protocol HostRig: Sendable {
    var host: any Host { get }
    var scratch: FilePath { get }
    /// Mounts an empty file system of this size.
    func addFileSystem(at path: FilePath, bytes: Int64) throws
    func addSymbolicLink(_ path: FilePath, to target: FilePath) throws
    /// Creates a chain of nested directories with a file in each.
    func addLevels(_ count: Int, below path: FilePath) throws
    /// Writes a file as an application does; false when that is refused.
    func applicationWrites(_ path: FilePath, _ bytes: [UInt8]) -> Bool
    func content(of path: FilePath) -> [UInt8]?
    func cleanUp()
}

/// Runs a test body against a fresh host of a kind, and cleans up whatever the body does.
func withHost(_ kind: HostKind, _ body: (any HostRig) async throws -> Void) async throws {
    let rig: any HostRig =
        switch kind {
        case .fake: FakeRig()
        case .linux: try LinuxRig()
        }
    defer { rig.cleanUp() }
    try await body(rig)
}

extension HostRig {
    var files: any FileStore { host.files }
    var mounts: any MountControl { host.mounts }

    /// The scratch directory as a tree.
    func tree() async throws -> any DirectoryTree {
        try await host.files.openDirectory(scratch)
    }

    /// Creates directories in the scratch directory.
    func makeDirectories(_ paths: FilePath...) async throws {
        let tree = try await tree()
        for path in paths { try await tree.createDirectory(path, permissions: FilePermissions(rawValue: 0o755)) }
    }
}

/// The kind of the error that a body throws; nil when it throws none.
func failure<T>(_ body: () async throws -> T) async -> HostError.Kind? {
    do {
        _ = try await body()
        return nil
    } catch let error as HostError {
        return error.kind
    } catch {
        Issue.record("not a HostError: \(error)")
        return nil
    }
}

/// The rig around the model in memory.
struct FakeRig: HostRig {
    let fake = FakeHost()
    let scratch: FilePath = "/scratch"
    var host: any Host { fake }

    init() {
        fake.addFileSystem(at: scratch, type: "tmpfs", source: "tmpfs", bytes: 64 << 20)
        fake.setPropagation(.shared, at: scratch)
    }

    func addFileSystem(at path: FilePath, bytes: Int64) throws {
        fake.addFileSystem(at: path, type: "tmpfs", source: "tmpfs", bytes: bytes)
    }

    func addSymbolicLink(_ path: FilePath, to target: FilePath) throws {
        fake.addSymbolicLink(path, to: target)
    }

    func addLevels(_ count: Int, below path: FilePath) throws {
        var path = path
        for _ in 0..<count {
            fake.addFile(path.appending("file"), [1])
            path.append("deeper")
        }
    }

    func applicationWrites(_ path: FilePath, _ bytes: [UInt8]) -> Bool {
        fake.applicationWrites(path, bytes)
    }

    func content(of path: FilePath) -> [UInt8]? { fake.content(of: path) }

    func cleanUp() {}
}

/// The rig around the kernel: a temporary directory, with a tmpfs on it where the tests may mount.
struct LinuxRig: HostRig {
    let host: any Host = LinuxHost()
    let scratch: FilePath

    struct Failed: Error {
        let what: String
        let errno: Errno
    }

    init() throws {
        var template = Array("/tmp/swift-csi-host-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw Self.failed("mkdtemp") }
        scratch = FilePath(platformString: template)
        guard HostKind.mountsAreAllowed else { return }
        try addFileSystem(at: scratch, bytes: 64 << 20)
        // As the kubelet's directory is, so that mounts spread as they would on a node.
        guard mount(nil, scratch.string, nil, UInt(MS_SHARED), nil) == 0 else { throw Self.failed("share \(scratch)") }
    }

    static func failed(_ what: String) -> Failed {
        Failed(what: what, errno: Errno(rawValue: errno))
    }

    func addFileSystem(at path: FilePath, bytes: Int64) throws {
        _ = path.withPlatformString { mkdir($0, 0o755) }
        guard path.withPlatformString({ mount("tmpfs", $0, "tmpfs", 0, "size=\(bytes),mode=755") }) == 0 else {
            throw Self.failed("mount tmpfs on \(path)")
        }
    }

    func addSymbolicLink(_ path: FilePath, to target: FilePath) throws {
        guard symlink(target.string, path.string) == 0 else { throw Self.failed("symlink \(path)") }
    }

    func addLevels(_ count: Int, below path: FilePath) throws {
        var directory = open(path.string, O_RDONLY | O_DIRECTORY)
        for _ in 0..<count {
            // By the descriptor's name in /proc, since a path cannot be this long.
            let here = "/proc/self/fd/\(directory)"
            guard mkdir(here + "/deeper", 0o755) == 0, applicationWrites(FilePath(here + "/file"), [1]) else {
                throw Self.failed("mkdir")
            }
            let next = open(here + "/deeper", O_RDONLY | O_DIRECTORY)
            close(directory)
            directory = next
        }
        close(directory)
    }

    func applicationWrites(_ path: FilePath, _ bytes: [UInt8]) -> Bool {
        guard let file = fopen(path.string, "w") else { return false }
        let written = fwrite(bytes, 1, bytes.count, file)
        return fclose(file) == 0 && written == bytes.count
    }

    func content(of path: FilePath) -> [UInt8]? {
        guard let file = fopen(path.string, "r") else { return nil }
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: 1 << 16)
        bytes.removeLast(bytes.count - fread(&bytes, 1, bytes.count, file))
        return bytes
    }

    func cleanUp() {
        if HostKind.mountsAreAllowed {
            cleanUpDevices()
            // Lazily and from the last one made: nothing may keep the rest.
            while umount2(scratch.string, CInt(MNT_DETACH)) == 0 {}
        } else {
            remove(everythingIn: scratch)
        }
        rmdir(scratch.string)
    }

    private func remove(everythingIn path: FilePath) {
        guard let directory = opendir(path.string) else { return }
        var names: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) {
                String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != ".", name != ".." { names.append(name) }
        }
        closedir(directory)
        for name in names {
            let child = path.appending(name)
            if unlink(child.string) != 0 {
                remove(everythingIn: child)
                rmdir(child.string)
            }
        }
    }
}
