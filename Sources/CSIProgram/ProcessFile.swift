import SystemPackage

/// What the kernel tells about this process.
enum ProcessFile {
    /// The content of `/proc/self/NAME`; empty when the system does not tell.
    static func bytes(_ name: String) -> [UInt8] {
        guard let file = try? FileDescriptor.open(FilePath("/proc/self/\(name)"), .readOnly) else { return [] }
        var bytes: [UInt8] = []
        _ = try? file.closeAfter {
            try withUnsafeTemporaryAllocation(byteCount: 4096, alignment: 1) { buffer in
                while case let count = try file.read(into: buffer), count > 0 {
                    bytes.append(contentsOf: UnsafeRawBufferPointer(rebasing: buffer[..<count]))
                }
            }
        }
        return bytes
    }
}
