import CLinux
import SystemPackage

extension CallSite {
    /// Reads an open file to its end.
    ///
    /// - Parameter size: what the file's status says, of a regular file; it may have changed since. A read that ends there, short of
    ///   what was asked for, has seen the end.
    /// - Throws: kind `tooLarge` when there are more than `limit` bytes.
    func readAll(
        _ descriptor: borrowing OwnedDescriptor, size: Int? = nil, limit: Int
    ) throws(HostError) -> [UInt8] {
        let raw = descriptor.raw
        let limit = max(0, limit)
        // Some files of the kernel say that they are empty.
        let expected = size.flatMap { $0 > 0 ? $0 : nil }
        var bytes = [UInt8](repeating: 0, count: min(expected ?? 4096, limit) + 1)
        var filled = 0
        while true {
            let end = filled
            let count = try check {
                bytes.withUnsafeMutableBytes { buffer in
                    let rest = UnsafeMutableRawBufferPointer(rebasing: buffer[end...])
                    return clinux_read(raw, rest.baseAddress, rest.count)
                }
            }
            if count == 0 { break }
            filled += count
            guard filled <= limit else {
                throw failure(kind: .tooLarge, detail: "it has more than the \(limit) bytes that are accepted")
            }
            if filled == expected, filled < bytes.count { break }
            if filled == bytes.count {
                bytes.append(contentsOf: repeatElement(0, count: min(bytes.count, limit + 1 - filled)))
            }
        }
        bytes.removeLast(bytes.count - filled)
        return bytes
    }

    /// Writes all bytes to an open file.
    func writeAll(_ bytes: [UInt8], to descriptor: borrowing OwnedDescriptor) throws(HostError) {
        let raw = descriptor.raw
        var written = 0
        while written < bytes.count {
            let start = written
            let count = try check {
                bytes.withUnsafeBytes { buffer in
                    let rest = UnsafeRawBufferPointer(rebasing: buffer[start...])
                    return clinux_write(raw, rest.baseAddress, rest.count)
                }
            }
            guard count > 0 else { throw failure(kind: .inputOutput, detail: "the file takes no bytes") }
            written += count
        }
    }

    /// Makes an open file or directory durable.
    func sync(_ descriptor: borrowing OwnedDescriptor) throws(HostError) {
        let raw = descriptor.raw
        try check { clinux_fsync(raw) }
    }
}
