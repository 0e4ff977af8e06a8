/// Routes by path: an open-addressing table that is asked with the bytes of a header, making no string.
struct RouteTable: Sendable {
    private let slots: [Route?]

    /// A table of these routes; of two with the same path the later one wins.
    init(_ routes: [Route]) {
        var capacity = 8
        while capacity < routes.count * 2 { capacity *= 2 }
        var slots = [Route?](repeating: nil, count: capacity)
        for route in routes {
            var slot = route.pathBytes.withUnsafeBufferPointer { RouteTable.hash($0) } & (capacity - 1)
            while let other = slots[slot], other.path != route.path { slot = (slot + 1) & (capacity - 1) }
            slots[slot] = route
        }
        self.slots = slots
    }

    /// The route of `path`.
    func route(for path: WireText) -> Route? {
        var slot = RouteTable.hash(path) & (slots.count - 1)
        // At least half of the slots are empty, so the search ends.
        while let route = slots[slot] {
            if path.equals(route.pathBytes) { return route }
            slot = (slot + 1) & (slots.count - 1)
        }
        return nil
    }

    private static func hash(_ bytes: WireText) -> Int {
        var hash: UInt32 = 2_166_136_261
        for byte in bytes { hash = (hash ^ UInt32(byte)) &* 16_777_619 }
        return Int(hash >> 1)
    }
}
