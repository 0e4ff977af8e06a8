import Testing

@testable import CSIPool

@Suite("The index of a pool")
struct OrderedIndexTests {
    private struct Named: Indexed, Equatable {
        let key: String
        var value = 0
    }

    /// Names whose order by bytes is not that of their numbers.
    private static func name(_ number: Int) -> String { "v-\(number % 7)-\(String(number, radix: 36))" }

    @Test("It answers as a sorted list does, whatever is put in and taken out", arguments: [0, 1, 255, 256, 257, 3000])
    func likeASortedList(first: Int) {
        // Numbers that are the same in each run.
        var state = UInt64(first)
        func next(below limit: UInt64) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int((state >> 33) % limit)
        }
        var model = Dictionary(uniqueKeysWithValues: (0..<first).map { (Self.name($0), Named(key: Self.name($0))) })
        var index = OrderedIndex(Array(model.values))
        for step in 0..<6000 {
            let key = Self.name(next(below: 4000))
            // It grows, then it shrinks to nothing and grows again.
            let grows = step % 3000 < 1500
            if next(below: 8) == 0 {
                let known = model[key] != nil
                #expect((index.update(key) { $0.value = step } != nil) == known)
                if known { model[key]?.value = step }
            } else if grows {
                #expect(
                    index.insert(Named(key: key, value: step))
                        == model.updateValue(Named(key: key, value: step), forKey: key))
            } else {
                let gone = step % 3000 > 2900 ? model.keys.first ?? key : key
                #expect(index.remove(gone) == model.removeValue(forKey: gone))
            }
            #expect(index.count == model.count)
            guard step % 500 == 0 else { continue }
            Self.check(index, model)
        }
        for key in model.keys { #expect(index.remove(key) != nil) }
        Self.check(index, [:])
        #expect(index.insert(Named(key: "again")) == nil)
        #expect(index.all.map(\.key) == ["again"])
    }

    private static func check(_ index: OrderedIndex<Named>, _ model: [String: Named]) {
        let sorted = model.values.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
        #expect(index.all == sorted)
        for (key, value) in model { #expect(index[key] == value) }
        #expect(index["none"] == nil)
        for limit in [0, 1, 100, 513] {
            var (seen, last, hasMore): ([Named], String?, Bool) = ([], nil, true)
            while hasMore, seen.count <= sorted.count {
                let page = index.page(after: last, limit: limit)
                #expect(page.hasMore == (seen.count + page.entries.count < sorted.count))
                guard limit > 0 else { break }
                (seen, last, hasMore) = (seen + page.entries, page.entries.last?.key, page.hasMore)
            }
            if limit > 0 { #expect(seen == sorted) }
        }
        // The last key of a page may be gone by the next.
        let between = index.page(after: "v-3-", limit: 5).entries
        #expect(between == Array(sorted.filter { !$0.key.utf8.lexicographicallyPrecedes("v-3-".utf8) }.prefix(5)))
        let even = index.page(after: nil, limit: 10) { $0.key.utf8.count % 2 == 0 }
        let matching = sorted.filter { $0.key.utf8.count % 2 == 0 }
        #expect(even.entries == Array(matching.prefix(10)) && even.hasMore == (matching.count > 10))
    }
}
