/// Files in the POSIX tar format.
struct TarArchive {
    private(set) var bytes: [UInt8] = []

    /// Adds a file.
    /// - Parameters:
    ///   - name: Its path in the archive: at most 100 bytes.
    ///   - content: All of it.
    ///   - time: When it was made, in seconds since 1970.
    mutating func add(_ name: String, _ content: [UInt8], time: Int) {
        var header = [UInt8](repeating: 0, count: 512)
        func put(_ text: String, at offset: Int, limit: Int) {
            for (index, byte) in text.utf8.prefix(limit).enumerated() { header[offset + index] = byte }
        }
        put(name, at: 0, limit: 100)
        put("0000600", at: 100, limit: 8)
        put("0000000", at: 108, limit: 8)
        put("0000000", at: 116, limit: 8)
        put(Self.octal(content.count, 11), at: 124, limit: 12)
        put(Self.octal(time, 11), at: 136, limit: 12)
        put("        ", at: 148, limit: 8)
        put("0", at: 156, limit: 1)
        put("ustar", at: 257, limit: 6)
        put("00", at: 263, limit: 2)
        put("root", at: 265, limit: 32)
        put("root", at: 297, limit: 32)
        put(Self.octal(header.reduce(0) { $0 + Int($1) }, 6), at: 148, limit: 6)
        header[154] = 0
        bytes += header + content
        bytes += [UInt8](repeating: 0, count: (512 - content.count % 512) % 512)
    }

    /// The whole archive.
    var finished: [UInt8] { bytes + [UInt8](repeating: 0, count: 1024) }

    private static func octal(_ number: Int, _ digits: Int) -> String {
        let text = String(max(0, number), radix: 8)
        return String(repeating: "0", count: max(0, digits - text.count)) + text
    }
}
