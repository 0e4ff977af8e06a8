import CSIHost
import Glibc
import SystemPackage

/// This machine as the node: for drivers that run here, in the same mount namespace.
public struct LocalSite: ConformanceSite {
    /// Whether the suite is to look into the published volumes.
    public let isVisible: Bool

    /// Whether the suite is to mount something on top of published volumes.
    public let canMount: Bool

    /// A site on this machine.
    ///
    /// - Parameters:
    ///   - isVisible: false when the driver's paths are in another mount namespace.
    ///   - canMount: nil asks for root and `isVisible`.
    public init(isVisible: Bool = true, canMount: Bool? = nil) {
        self.isVisible = isVisible
        self.canMount = canMount ?? (isVisible && geteuid() == 0)
    }

    /// Makes the directory `path`, whose parent exists; that it exists already is success.
    public func makeDirectory(_ path: String) async -> Bool { Self.makeDirectory(path) }

    /// Removes the empty directory `path`; anything else stays.
    public func removeDirectory(_ path: String) async { Self.removeDirectory(path) }

    /// Whether there is anything at `path`.
    public func exists(_ path: String) async -> Bool { Self.exists(path) }

    /// Writes `text` into the file `path`; false when that is refused.
    public func write(_ text: String, to path: String) async -> Bool { Self.write(text, to: path) }

    /// The text of the file `path`, up to 64 KiB; nil when there is none.
    public func read(_ path: String) async -> String? { Self.read(path) }

    /// Binds the directory `source` on top of `target`.
    public func stack(_ source: String, on target: String) async -> Bool {
        let bound = try? await LinuxHost().mounts.bindMount(
            source: FilePath(source), at: FilePath(target), options: BindOptions())
        return bound != nil
    }

    /// Removes the topmost mount at `target`, if there is one.
    public func unstack(_ target: String) async {
        _ = umount2(target, Int32(MNT_DETACH) | Int32(UMOUNT_NOFOLLOW))
    }

    static func makeDirectory(_ path: String) -> Bool {
        mkdir(path, 0o750) == 0 || (errno == EEXIST && exists(path))
    }

    static func removeDirectory(_ path: String) {
        _ = rmdir(path)
    }

    static func removeFile(_ path: String) {
        _ = unlink(path)
    }

    static func exists(_ path: String) -> Bool {
        var status = stat()
        return lstat(path, &status) == 0
    }

    static func write(_ text: String, to path: String) -> Bool {
        let options: FileDescriptor.OpenOptions = [.create, .truncate, .noFollow]
        guard
            let file = try? FileDescriptor.open(
                path, .writeOnly, options: options, permissions: [.ownerReadWrite])
        else { return false }
        defer { try? file.close() }
        // Synced, as by an application that cares: a cloud's snapshot does not see what is in this machine's memory.
        return (try? file.writeAll(text.utf8)) == text.utf8.count && fsync(file.rawValue) == 0
    }

    static func read(_ path: String) -> String? {
        guard let file = try? FileDescriptor.open(path, .readOnly, options: [.noFollow]) else { return nil }
        defer { try? file.close() }
        var bytes = [UInt8](repeating: 0, count: 64 * 1024)
        guard let count = try? bytes.withUnsafeMutableBytes({ try file.read(into: $0) }) else { return nil }
        return String(decoding: bytes[..<count], as: UTF8.self)
    }
}
