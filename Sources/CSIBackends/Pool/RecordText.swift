import CSICore

/// The text form of a record on disk: a header line, `key value` lines, and a checksum line.
///
/// ```
/// swift-csi volume 1
/// id pvc-1
/// capacity_bytes 1073741824
/// crc32 8f3a21c0
/// ```
///
/// An operator can read it with `cat`. In values, backslash and everything below space are written as `\xHH`. The
/// checksum covers every byte before its line, so that a torn or damaged record is noticed and never half believed.
package struct RecordText: Sendable, Hashable {
    /// Why bytes are not a record.
    package enum Failure: Error, Sendable, Hashable, CustomStringConvertible {
        case notText
        case badHeader(String)
        case badChecksum
        case badLine(Int)

        package var description: String {
            switch self {
            case .notText: "it is not UTF-8 text"
            case .badHeader(let line): "its first line is \(line.debugDescription)"
            case .badChecksum: "its checksum is wrong or missing: it was damaged or cut short"
            case .badLine(let number): "line \(number) is not \"key value\""
            }
        }
    }

    /// What kind of record, for example `volume`.
    package let kind: String

    /// The version of the kind.
    package let version: Int

    /// The lines in order.
    package var lines: [(key: String, value: String)]

    package init(kind: String, version: Int, lines: [(key: String, value: String)]) {
        self.kind = kind
        self.version = version
        self.lines = lines
    }

    package static func == (left: RecordText, right: RecordText) -> Bool { left.bytes == right.bytes }

    package func hash(into hasher: inout Hasher) { hasher.combine(bytes) }

    /// The bytes on disk.
    package var bytes: [UInt8] {
        var text = Array("swift-csi \(kind) \(version)\n".utf8)
        for (key, value) in lines {
            text.append(contentsOf: key.utf8)
            text.append(0x20)
            Self.append(value, to: &text)
            text.append(0x0A)
        }
        text.append(contentsOf: "crc32 \(CRC32.hex(of: text))\n".utf8)
        return text
    }

    package init(parsing bytes: [UInt8], kind: String) throws(Failure) {
        guard let end = bytes.dropLast().lastIndex(of: 0x0A), bytes.last == 0x0A else { throw .badChecksum }
        let body = bytes[...end]
        guard bytes[(end + 1)...].elementsEqual("crc32 \(CRC32.hex(of: body))\n".utf8) else { throw .badChecksum }
        let rows = body.dropLast().split(separator: 0x0A, omittingEmptySubsequences: false)
        let prefix = "swift-csi \(kind) "
        guard let first = rows.first, let header = String(validating: first, as: UTF8.self) else { throw .notText }
        guard header.hasPrefix(prefix), let version = Int(header.dropFirst(prefix.count)) else {
            throw .badHeader(header)
        }
        var lines: [(key: String, value: String)] = []
        for (number, row) in rows.dropFirst().enumerated() {
            guard let space = row.firstIndex(of: 0x20), let key = String(validating: row[..<space], as: UTF8.self),
                let value = Self.unescaped(row[(space + 1)...])
            else { throw .badLine(number + 2) }
            lines.append((key, value))
        }
        self.init(kind: kind, version: version, lines: lines)
    }

    private static func append(_ value: String, to text: inout [UInt8]) {
        for byte in value.utf8 {
            if byte < 0x20 || byte == 0x5C || byte == 0x7F {
                text.append(contentsOf: "\\x".utf8)
                text.append(digit(byte >> 4))
                text.append(digit(byte & 15))
            } else {
                text.append(byte)
            }
        }
    }

    private static func digit(_ nibble: UInt8) -> UInt8 { nibble < 10 ? 0x30 + nibble : 0x61 + nibble - 10 }

    private static func unescaped(_ row: ArraySlice<UInt8>) -> String? {
        guard row.contains(0x5C) else { return String(validating: row, as: UTF8.self) }
        var bytes: [UInt8] = []
        var rest = row
        while let byte = rest.popFirst() {
            guard byte == 0x5C else {
                bytes.append(byte)
                continue
            }
            guard rest.popFirst() == UInt8(ascii: "x"), let high = rest.popFirst().flatMap(nibble),
                let low = rest.popFirst().flatMap(nibble)
            else { return nil }
            bytes.append(high << 4 | low)
        }
        return String(validating: bytes, as: UTF8.self)
    }

    private static func nibble(_ character: UInt8) -> UInt8? {
        switch character {
        case 0x30...0x39: character - 0x30
        case 0x61...0x66: character - 0x61 + 10
        default: nil
        }
    }
}
