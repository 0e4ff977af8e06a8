import CLinux
import SystemPackage

/// Small files of the kernel's, such as those below `/sys`.
enum SystemAttribute {
    /// The largest that is read: the kernel makes one page.
    private static let limit = 64 << 10

    /// The text of a file without its last newline; nil when it cannot be read.
    static func read(_ path: FilePath) -> String? {
        let site = CallSite(.inspectDevice, at: path)
        let opened = path.withPlatformString { text in
            site.result { clinux_openat2(CLINUX_AT_FDCWD, text, CLINUX_O_READ, 0, 0) }
        }
        guard case .success(let raw) = opened else { return nil }
        let descriptor = OwnedDescriptor(adopting: CInt(truncatingIfNeeded: raw))
        guard var bytes = try? site.readAll(descriptor, limit: limit) else { return nil }
        if bytes.last == 0x0a { bytes.removeLast() }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Writes to a file, in one piece; answers as system calls of CLinux do.
    static func write(_ text: String, to path: FilePath) -> Int {
        let raw = path.withPlatformString { clinux_openat2(CLINUX_AT_FDCWD, $0, CLINUX_O_READ_WRITE, 0, 0) }
        guard raw >= 0 else { return raw }
        let descriptor = OwnedDescriptor(adopting: CInt(truncatingIfNeeded: raw))
        let bytes = Array(text.utf8)
        return clinux_write(descriptor.raw, bytes, bytes.count)
    }

    /// The names in a directory, without `.` and `..`; none when it cannot be read.
    static func names(in path: FilePath) -> [FilePath.Component] {
        let site = CallSite(.inspectDevice, at: path)
        let opened = path.withPlatformString { text in
            site.result { clinux_openat2(CLINUX_AT_FDCWD, text, CLINUX_O_READ_DIRECTORY, 0, 0) }
        }
        guard case .success(let raw) = opened else { return [] }
        let descriptor = OwnedDescriptor(adopting: CInt(truncatingIfNeeded: raw))
        var reader = DirectoryReader()
        var names: [FilePath.Component] = []
        while let batch = try? reader.next(descriptor.raw, for: site) { names += batch.map(\.name) }
        return names
    }

    /// What a symbolic link says; nil when there is none.
    static func link(_ path: FilePath) -> String? {
        var text = [UInt8](repeating: 0, count: 4096)
        let length = path.withPlatformString { name in
            text.withUnsafeMutableBytes { buffer in
                clinux_readlinkat(
                    CLINUX_AT_FDCWD, name, buffer.baseAddress?.assumingMemoryBound(to: CChar.self), buffer.count)
            }
        }
        guard length > 0 else { return nil }
        return String(decoding: text.prefix(length), as: UTF8.self)
    }
}
