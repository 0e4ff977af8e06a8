import CLinux
import Glibc
import SystemPackage

/// Reads the names in an open directory a buffer at a time, so that memory does not grow with the directory.
struct DirectoryReader: ~Copyable {
    /// An entry, and where reading goes on after it.
    struct Record {
        let entry: DirectoryEntry
        let nextOffset: Int64
    }

    private var buffer: [UInt8]

    /// Creates a reader with room for some hundred names.
    init() {
        buffer = [UInt8](repeating: 0, count: 32 << 10)
    }

    /// Reads the next names; none at the end of the directory.
    ///
    /// A name that was removed meanwhile is left out.
    ///
    /// - Parameter directory: the number of an open descriptor.
    mutating func next(_ directory: CInt, for site: CallSite) throws(HostError) -> [DirectoryEntry]? {
        try nextRecords(directory, for: site)?.map(\.entry)
    }

    /// Reads the next names as ``next(_:for:)`` does, each with its place.
    mutating func nextRecords(_ directory: CInt, for site: CallSite) throws(HostError) -> [Record]? {
        let count = try site.check {
            buffer.withUnsafeMutableBytes { clinux_getdents64(directory, $0.baseAddress, $0.count) }
        }
        guard count > 0 else { return nil }
        var records: [Record] = []
        var start = 0
        // A record: inode (8 bytes), offset (8), length (2), type (1), name with its NUL.
        while start + 19 < count {
            let length = Int(buffer[start + 16]) | Int(buffer[start + 17]) << 8
            guard length > 19, start + length <= count else {
                throw site.failure(kind: .inputOutput, detail: "the directory is damaged")
            }
            let type = CInt(buffer[start + 18])
            let offset = buffer.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: start + 8, as: Int64.self) }
            let text = buffer[(start + 19)..<(start + length)].prefix { $0 != 0 }
            start += length
            guard text != [0x2e], text != [0x2e, 0x2e] else { continue }
            guard let name = FilePath.Component(platformString: text.map(CChar.init(bitPattern:)) + [0]) else {
                throw site.failure(kind: .inputOutput, detail: "the directory holds a name that is none")
            }
            if let kind = try kind(type, of: name, in: directory, for: site) {
                let entry = DirectoryEntry(name: name, kind: kind)
                records.append(Record(entry: entry, nextOffset: offset))
            }
        }
        return records
    }

    private func kind(
        _ type: CInt, of name: FilePath.Component, in directory: CInt, for site: CallSite
    ) throws(HostError) -> FileKind? {
        switch type {
        case CInt(DT_REG): .regular
        case CInt(DT_DIR): .directory
        case CInt(DT_LNK): .symbolicLink
        case CInt(DT_UNKNOWN):
            try site.cachedStatus(of: name, in: directory).map { FileKind(mode: UInt32($0.stx_mode)) }
        default: .special
        }
    }
}
