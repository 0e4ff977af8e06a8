/// Some bytes of a disk, read as the numbers and texts of a superblock.
///
/// No access can trap: what lies outside reads as zero.
struct DiskBytes: Sendable {
    private let bytes: ArraySlice<UInt8>
    let count: Int

    init(_ bytes: ArraySlice<UInt8>, count: Int) {
        self.bytes = bytes
        self.count = max(0, count)
    }

    subscript(_ offset: Int) -> UInt8 {
        let index = bytes.startIndex + offset
        return offset >= 0 && index < bytes.endIndex ? bytes[index] : 0
    }

    /// All bytes in `range`, with zeroes for those that are not there.
    func array(_ range: Range<Int>) -> [UInt8] {
        range.map { self[$0] }
    }

    private func number(_ offset: Int, _ width: Int) -> UInt64 {
        (0..<width).reduce(0) { $0 | UInt64(self[offset + $1]) << (8 * $1) }
    }

    func little16(_ offset: Int) -> UInt16 { UInt16(truncatingIfNeeded: number(offset, 2)) }
    func little32(_ offset: Int) -> UInt32 { UInt32(truncatingIfNeeded: number(offset, 4)) }
    func little64(_ offset: Int) -> UInt64 { number(offset, 8) }
    func big16(_ offset: Int) -> UInt16 { little16(offset).byteSwapped }
    func big32(_ offset: Int) -> UInt32 { little32(offset).byteSwapped }
    func big64(_ offset: Int) -> UInt64 { little64(offset).byteSwapped }

    func has(_ text: StaticString, at offset: Int) -> Bool {
        text.withUTF8Buffer { (buffer) in buffer.indices.allSatisfy { self[offset + $0] == buffer[$0] } }
    }

    func has(_ magic: [UInt8], at offset: Int) -> Bool {
        magic.indices.allSatisfy { self[offset + $0] == magic[$0] }
    }

    /// A text that ends at its first zero or after `count` bytes, without the spaces around it; nil when it is empty.
    func text(_ offset: Int, _ count: Int) -> String? {
        let used = (0..<count).prefix { self[offset + $0] != 0 }.map { self[offset + $0] }
        let text = String(decoding: used, as: UTF8.self)
        let trimmed = text.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed()
        return trimmed.isEmpty ? nil : String(trimmed)
    }

    /// Sixteen bytes as a UUID; nil when they are all zeroes.
    func uuid(_ offset: Int) -> String? {
        let bytes = array(offset..<offset + 16)
        guard bytes.contains(where: { $0 != 0 }) else { return nil }
        let digits = bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }
        return [0..<4, 4..<6, 6..<8, 8..<10, 10..<16].map { digits[$0].joined() }.joined(separator: "-")
    }

    /// Sixteen bytes as a GUID, whose first three groups are little-endian; nil when they are all zeroes.
    func guid(_ offset: Int) -> String? {
        let order = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15]
        return DiskBytes(order.map { self[offset + $0] }[...], count: 16).uuid(0)
    }
}
