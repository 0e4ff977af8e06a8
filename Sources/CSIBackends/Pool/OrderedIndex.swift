import CSICore

/// Something that an index finds by its id.
protocol Indexed: Sendable {
    /// The text of the id; entries are ordered by its bytes.
    var key: String { get }
}

/// Things of a pool in the order of their ids.
///
/// They lie in pieces of bounded length, so that a change moves a few of them, whatever their number.
struct OrderedIndex<Entry: Indexed>: Sendable {
    /// The most entries of a piece; one that grows longer becomes two.
    private static var pieceLimit: Int { 512 }

    /// In order, none of them empty.
    private var pieces: [[Entry]] = []

    /// How many there are.
    private(set) var count = 0

    init(_ entries: [Entry] = []) {
        let sorted = entries.sorted { Self.precedes($0.key, $1.key) }
        count = sorted.count
        // Half full, so that the first changes do not split them.
        pieces = stride(from: 0, to: count, by: Self.pieceLimit / 2).map { start in
            Array(sorted[start..<min(count, start + Self.pieceLimit / 2)])
        }
    }

    /// All entries in order.
    var all: [Entry] { Array(pieces.joined()) }

    subscript(key: String) -> Entry? {
        let place = place(of: key)
        return holds(key, at: place) ? pieces[place.piece][place.index] : nil
    }

    /// Adds an entry, in place of the one with its id.
    /// - Returns: What was there.
    @discardableResult
    mutating func insert(_ entry: Entry) -> Entry? {
        let place = place(of: entry.key)
        guard !holds(entry.key, at: place) else {
            defer { pieces[place.piece][place.index] = entry }
            return pieces[place.piece][place.index]
        }
        count += 1
        guard !pieces.isEmpty else {
            pieces = [[entry]]
            return nil
        }
        pieces[place.piece].insert(entry, at: place.index)
        if pieces[place.piece].count > Self.pieceLimit {
            let half = Self.pieceLimit / 2
            let rest = Array(pieces[place.piece][half...])
            pieces[place.piece].removeSubrange(half...)
            pieces.insert(rest, at: place.piece + 1)
        }
        return nil
    }

    /// Changes an entry in place; nil when there is none with that id.
    mutating func update<Result>(_ key: String, _ change: (inout Entry) -> Result) -> Result? {
        let place = place(of: key)
        return holds(key, at: place) ? change(&pieces[place.piece][place.index]) : nil
    }

    @discardableResult
    mutating func remove(_ key: String) -> Entry? {
        let place = place(of: key)
        guard holds(key, at: place) else { return nil }
        count -= 1
        let removed = pieces[place.piece].remove(at: place.index)
        if pieces[place.piece].isEmpty { pieces.remove(at: place.piece) }
        return removed
    }

    /// At most `limit` entries whose ids come after `last`, and whether there are more.
    func page(after last: String?, limit: Int) -> (entries: [Entry], hasMore: Bool) {
        page(after: last, limit: limit) { _ in true }
    }

    /// At most `limit` entries after `last` for which `condition` holds, and whether there are more of them.
    func page(after last: String?, limit: Int, where condition: (Entry) -> Bool) -> (entries: [Entry], hasMore: Bool) {
        var place = (piece: 0, index: 0)
        if let last {
            place = self.place(of: last)
            if holds(last, at: place) { place.index += 1 }
        }
        var found: [Entry] = []
        for piece in place.piece..<max(place.piece, pieces.count) {
            for entry in pieces[piece][(piece == place.piece ? place.index : 0)...] where condition(entry) {
                if found.count >= max(limit, 0) { return (found, true) }
                found.append(entry)
            }
        }
        return (found, false)
    }

    private func holds(_ key: String, at place: (piece: Int, index: Int)) -> Bool {
        place.piece < pieces.count && place.index < pieces[place.piece].count
            && pieces[place.piece][place.index].key == key
    }

    /// Where the key is, or where it would be inserted.
    private func place(of key: String) -> (piece: Int, index: Int) {
        // The pieces that begin with this key or one before it.
        let begun = Self.firstIndex(of: pieces.count) { !Self.precedes(key, pieces[$0][0].key) }
        guard begun > 0 else { return (0, 0) }
        let piece = pieces[begun - 1]
        return (begun - 1, Self.firstIndex(of: piece.count) { Self.precedes(piece[$0].key, key) })
    }

    /// The first of so many positions that is no longer `before`, by bisection.
    private static func firstIndex(of count: Int, before: (Int) -> Bool) -> Int {
        var low = 0
        var high = count
        while low < high {
            let middle = low + (high - low) / 2
            if before(middle) { low = middle + 1 } else { high = middle }
        }
        return low
    }

    private static func precedes(_ left: String, _ right: String) -> Bool {
        left.utf8.lexicographicallyPrecedes(right.utf8)
    }
}

extension VolumeSummary: Indexed {
    var key: String { id.rawValue }
}

extension SnapshotSummary: Indexed {
    var key: String { id.rawValue }
}
