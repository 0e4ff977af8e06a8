import Glibc
import Testing

/// What the kernel's dm-log-writes target recorded: every write to a disk, in the order in which it became durable.
struct WriteLog {
    /// One write, or a mark that the test made.
    struct Entry {
        /// What the entry says beside its bytes.
        struct Flags: OptionSet {
            let rawValue: UInt64

            static let flush = Flags(rawValue: 1)
            static let forceUnitAccess = Flags(rawValue: 2)
            static let discard = Flags(rawValue: 4)
            static let mark = Flags(rawValue: 8)
        }

        /// Where on the disk, in bytes.
        let offset: Int64
        /// How much, in bytes.
        let count: Int64
        let flags: Flags
        /// The bytes; empty for a discard.
        let bytes: [UInt8]

        /// The name of a mark; nil for a write.
        var mark: String? { flags.contains(.mark) ? String(decoding: bytes, as: UTF8.self) : nil }

        /// Whether the disk promised that everything up to here survives.
        var isDurable: Bool { flags.contains(.flush) || flags.contains(.forceUnitAccess) }
    }

    /// The entries in order.
    let entries: [Entry]

    /// Reads the log device, or the file behind it.
    init(path: String) throws {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        try #require(file >= 0)
        defer { close(file) }
        let first = try WriteLog.read(file, 512, at: 0)
        try #require(WriteLog.number(first, 0) == 0x6a_7366_7773_6872, "not a log of dm-log-writes")
        let sector = Int64(WriteLog.number(first, 24) & 0xFFFF_FFFF)
        var entries: [Entry] = []
        var position = sector
        for _ in 0..<WriteLog.number(first, 16) {
            let head = try WriteLog.read(file, Int(sector), at: position)
            let flags = Entry.Flags(rawValue: WriteLog.number(head, 16))
            let count = Int64(WriteLog.number(head, 8)) * sector
            position += sector
            var bytes: [UInt8] = []
            if flags.contains(.mark) {
                bytes = Array(head[32..<32 + Int(WriteLog.number(head, 24))]).filter { $0 != 0 }
            } else if !flags.contains(.discard) {
                bytes = try WriteLog.read(file, Int(count), at: position)
                position += count
            }
            let offset = Int64(WriteLog.number(head, 0)) * sector
            entries.append(Entry(offset: offset, count: count, flags: flags, bytes: bytes))
        }
        self.entries = entries
    }

    /// Does what an entry says to a copy of the disk.
    static func apply(_ entry: Entry, to file: Int32) throws {
        guard entry.mark == nil, entry.count > 0 else { return }
        if entry.flags.contains(.discard) {
            // A disk may forget what was discarded, and the harshest disk does.
            let zeros = [UInt8](repeating: 0, count: Int(entry.count))
            try #require(pwrite(file, zeros, zeros.count, Int(entry.offset)) == zeros.count)
        } else {
            try #require(pwrite(file, entry.bytes, entry.bytes.count, Int(entry.offset)) == entry.bytes.count)
        }
    }

    private static func read(_ file: Int32, _ count: Int, at offset: Int64) throws -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        try #require(pread(file, &bytes, count, Int(offset)) == count)
        return bytes
    }

    private static func number(_ bytes: [UInt8], _ offset: Int) -> UInt64 {
        (0..<8).reduce(0) { $0 | UInt64(bytes[offset + $1]) << (8 * UInt64($1)) }
    }
}
