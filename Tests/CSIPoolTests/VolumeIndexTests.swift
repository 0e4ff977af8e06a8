import CSICore
import Testing

@testable import CSIPool

@Suite("Volume index")
struct VolumeIndexTests {
    private static func record(_ number: Int) throws -> VolumeSummary {
        let name = try VolumeName("v\(number)")
        return VolumeRecord(id: VolumeID(derivedFrom: name), name: name, capacity: 1, fingerprint: Fingerprint())
            .summary
    }

    @Test("It stays ordered and complete through random changes", arguments: [1, 2, 3] as [UInt64])
    func model(seed: UInt64) throws {
        var state = seed
        var index = OrderedIndex<VolumeSummary>()
        var model: Set<String> = []
        for _ in 0..<500 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            let record = try Self.record(Int(state >> 33) % 50)
            if (state >> 32) & 1 == 0 {
                index.insert(record)
                model.insert(record.id.rawValue)
            } else {
                index.remove(record.key)
                model.remove(record.id.rawValue)
            }
            #expect((index[record.key] != nil) == model.contains(record.id.rawValue))
        }
        #expect(index.page(after: nil, limit: .max).entries.map(\.id.rawValue) == model.sorted())
    }

    @Test("Pages cover everything once, also when the entry that a page ended with is gone", arguments: 1...12)
    func pages(limit: Int) throws {
        var index = OrderedIndex(try (0..<10).map(Self.record))
        var seen: [String] = []
        var last: String?
        while true {
            let (records, hasMore) = index.page(after: last, limit: limit)
            seen += records.map(\.id.rawValue)
            last = records.last?.id.rawValue
            if let last { index.remove(last) }
            if !hasMore { break }
        }
        #expect(seen == (0..<10).map { "v\($0)" }.sorted())
    }

    @Test("A limit of nothing and positions beyond the end are harmless")
    func edges() throws {
        let index = OrderedIndex([try Self.record(1)])
        #expect(index.page(after: nil, limit: 0).entries.isEmpty)
        #expect(index.page(after: nil, limit: -1).entries.isEmpty)
        #expect(index.page(after: "zzz", limit: 5).entries.isEmpty)
        #expect(!index.page(after: "zzz", limit: 5).hasMore)
    }
}
