/// The content of a file or device of any size, which costs memory only where it is not zero.
///
/// It knows, as a file system does, which pages have room on the disk: those that were written, and those that were
/// reserved. Two contents are equal when all their bytes are, whatever has room.
struct SparseBytes: Sendable, Hashable {
    static let pageSize: Int64 = 4096

    /// The size in bytes.
    private(set) var count: Int64 = 0

    /// The pages that are not all zero, without the zeros at the end of each.
    private var pages: [Int64: [UInt8]] = [:]

    /// The numbers of the pages that have room.
    private var room = RangeSet<Int64>()

    /// No bytes.
    init() {}

    /// These bytes, all of which have room.
    init(_ bytes: [UInt8]) {
        write(bytes, at: 0)
    }

    /// Zeros without room.
    init(zeros count: Int64) {
        self.count = max(0, count)
    }

    static func == (left: SparseBytes, right: SparseBytes) -> Bool {
        left.count == right.count && left.pages == right.pages
    }

    func hash(into hasher: inout Hasher) {
        hasher.combine(count)
        hasher.combine(pages)
    }

    var isEmpty: Bool { count == 0 }

    /// The bytes that have room, in whole pages.
    var allocatedBytes: Int64 {
        room.ranges.reduce(0) { $0 + ($1.upperBound - $1.lowerBound) } * Self.pageSize
    }

    /// The bytes of the pages that hold anything but zeros.
    var dataBytes: Int64 { Int64(pages.count) * Self.pageSize }

    /// All bytes; only for contents that are known to be small.
    var bytes: [UInt8] { read(at: 0, count: Int(clamping: count)) }

    /// Bytes from a place on, fewer at the end.
    func read(at offset: Int64, count wanted: Int) -> [UInt8] {
        let start = max(0, offset)
        let end = min(count, start + Int64(max(0, wanted)))
        guard start < end else { return [] }
        var result = [UInt8](repeating: 0, count: Int(end - start))
        for page in (start / Self.pageSize)...((end - 1) / Self.pageSize) {
            guard let bytes = pages[page] else { continue }
            let base = page * Self.pageSize
            let from = max(start, base)
            let to = min(end, base + Int64(bytes.count))
            guard from < to else { continue }
            result.replaceSubrange(Int(from - start)..<Int(to - start), with: bytes[Int(from - base)..<Int(to - base)])
        }
        return result
    }

    /// Writes bytes at a place, behind the end if need be.
    mutating func write(_ bytes: [UInt8], at offset: Int64) {
        guard !bytes.isEmpty, offset >= 0 else { return }
        let end = offset + Int64(bytes.count)
        count = max(count, end)
        for page in (offset / Self.pageSize)...((end - 1) / Self.pageSize) {
            let base = page * Self.pageSize
            let from = max(offset, base)
            let to = min(end, base + Self.pageSize)
            var content = pages[page] ?? []
            if content.count < Int(to - base) {
                content.append(contentsOf: repeatElement(0, count: Int(to - base) - content.count))
            }
            content.replaceSubrange(
                Int(from - base)..<Int(to - base), with: bytes[Int(from - offset)..<Int(to - offset)])
            setPage(page, content)
        }
        room.insert(contentsOf: Self.pages(in: offset..<end))
    }

    /// Cuts off the end, or adds zeros that have no room.
    mutating func resize(to size: Int64) {
        if size < count {
            punch(size..<count)
            room.remove(contentsOf: ((size + Self.pageSize - 1) / Self.pageSize)..<Int64.max / Self.pageSize)
        }
        count = max(0, size)
    }

    /// Gives all bytes room.
    mutating func allocate() {
        if count > 0 { room.insert(contentsOf: Self.pages(in: 0..<count)) }
    }

    /// How much room all bytes need beyond what they have.
    var missingRoom: Int64 {
        guard count > 0 else { return 0 }
        return (count + Self.pageSize - 1) / Self.pageSize * Self.pageSize - allocatedBytes
    }

    /// Makes a part zero, and takes the room of the pages that lie in it completely.
    mutating func punch(_ range: Range<Int64>) {
        let range = range.clamped(to: 0..<count)
        guard !range.isEmpty else { return }
        for page in pages.keys where Self.pages(in: range).contains(page) {
            guard var content = pages[page] else { continue }
            let base = page * Self.pageSize
            for index in content.indices where range.contains(base + Int64(index)) { content[index] = 0 }
            setPage(page, content)
        }
        let first = (range.lowerBound + Self.pageSize - 1) / Self.pageSize
        // A part up to the end covers the last page, whatever the size.
        let last =
            range.upperBound == count
            ? (count + Self.pageSize - 1) / Self.pageSize : range.upperBound / Self.pageSize
        if first < last { room.remove(contentsOf: first..<last) }
    }

    /// The same bytes with room only where they are not zero, as a copy has that keeps holes.
    var copiedWithHoles: SparseBytes {
        var copy = self
        copy.room = RangeSet()
        for page in pages.keys { copy.room.insert(contentsOf: page..<(page + 1)) }
        return copy
    }

    private mutating func setPage(_ page: Int64, _ content: [UInt8]) {
        var content = content
        if let last = content.lastIndex(where: { $0 != 0 }) {
            content.removeSubrange((last + 1)...)
            pages[page] = content
        } else {
            pages[page] = nil
        }
    }

    /// The pages that a non-empty range of bytes touches.
    private static func pages(in range: Range<Int64>) -> Range<Int64> {
        (range.lowerBound / pageSize)..<((range.upperBound - 1) / pageSize + 1)
    }
}
