import CSICore

/// The volumes of a pool in the order of their ids.
struct VolumeIndex: Sendable {
    private var records: [VolumeRecord] = []

    init(_ records: [VolumeRecord] = []) {
        self.records = records.sorted { $0.id < $1.id }
    }

    subscript(id: VolumeID) -> VolumeRecord? {
        let position = position(of: id)
        return position < records.count && records[position].id == id ? records[position] : nil
    }

    mutating func insert(_ record: VolumeRecord) {
        let position = position(of: record.id)
        if position < records.count, records[position].id == record.id {
            records[position] = record
        } else {
            records.insert(record, at: position)
        }
    }

    mutating func remove(_ id: VolumeID) {
        let position = position(of: id)
        if position < records.count, records[position].id == id { records.remove(at: position) }
    }

    /// At most `limit` records whose ids come after `last`, and whether there are more.
    func page(after last: String?, limit: Int) -> (records: ArraySlice<VolumeRecord>, hasMore: Bool) {
        let start = last.map { last in firstIndex { !last.utf8.lexicographicallyPrecedes($0.rawValue.utf8) } } ?? 0
        let end = start + min(max(limit, 0), records.count - start)
        return (records[start..<end], end < records.count)
    }

    /// Where the id is, or where it would be inserted.
    private func position(of id: VolumeID) -> Int { firstIndex { $0 < id } }

    /// The first position whose id is no longer `before`, by bisection.
    private func firstIndex(before: (VolumeID) -> Bool) -> Int {
        var low = 0
        var high = records.count
        while low < high {
            let middle = low + (high - low) / 2
            if before(records[middle].id) { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
