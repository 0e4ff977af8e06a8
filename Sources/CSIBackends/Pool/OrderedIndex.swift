import CSICore

/// Something that an index finds by its id.
protocol Indexed: Sendable {
    /// The text of the id; entries are ordered by its bytes.
    var key: String { get }
}

/// Things of a pool in the order of their ids.
struct OrderedIndex<Entry: Indexed>: Sendable {
    private var entries: [Entry] = []

    init(_ entries: [Entry] = []) {
        self.entries = entries.sorted { Self.precedes($0.key, $1.key) }
    }

    var count: Int { entries.count }

    /// All entries in order.
    var all: [Entry] { entries }

    subscript(key: String) -> Entry? {
        let position = position(of: key)
        return holds(key, at: position) ? entries[position] : nil
    }

    /// Adds an entry, in place of the one with its id.
    /// - Returns: What was there.
    @discardableResult
    mutating func insert(_ entry: Entry) -> Entry? {
        let position = position(of: entry.key)
        guard holds(entry.key, at: position) else {
            entries.insert(entry, at: position)
            return nil
        }
        defer { entries[position] = entry }
        return entries[position]
    }

    /// Changes an entry in place; nil when there is none with that id.
    mutating func update<Result>(_ key: String, _ change: (inout Entry) -> Result) -> Result? {
        let position = position(of: key)
        return holds(key, at: position) ? change(&entries[position]) : nil
    }

    @discardableResult
    mutating func remove(_ key: String) -> Entry? {
        let position = position(of: key)
        return holds(key, at: position) ? entries.remove(at: position) : nil
    }

    /// At most `limit` entries whose ids come after `last`, and whether there are more.
    func page(after last: String?, limit: Int) -> (entries: ArraySlice<Entry>, hasMore: Bool) {
        let start = last.map { last in firstIndex { !Self.precedes(last, $0) } } ?? 0
        let end = start + min(max(limit, 0), entries.count - start)
        return (entries[start..<end], end < entries.count)
    }

    /// At most `limit` entries after `last` for which `condition` holds, and whether there are more of them.
    func page(after last: String?, limit: Int, where condition: (Entry) -> Bool) -> (entries: [Entry], hasMore: Bool) {
        let start = last.map { last in firstIndex { !Self.precedes(last, $0) } } ?? 0
        var found: [Entry] = []
        for entry in entries[start...] where condition(entry) {
            if found.count >= max(limit, 0) { return (found, true) }
            found.append(entry)
        }
        return (found, false)
    }

    private func holds(_ key: String, at position: Int) -> Bool {
        position < entries.count && entries[position].key == key
    }

    /// Where the key is, or where it would be inserted.
    private func position(of key: String) -> Int { firstIndex { Self.precedes($0, key) } }

    /// The first position whose key is no longer `before`, by bisection.
    private func firstIndex(before: (String) -> Bool) -> Int {
        var low = 0
        var high = entries.count
        while low < high {
            let middle = low + (high - low) / 2
            if before(entries[middle].key) { low = middle + 1 } else { high = middle }
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
