/// The last streams that the server ended before their peer did: frames of them may still be under way.
struct RecentStreams {
    private static let capacity = 128
    private var ids: [Int32] = []
    private var next = 0

    /// Remembers a stream, forgetting the oldest.
    mutating func insert(_ id: Int32) {
        if ids.count < RecentStreams.capacity {
            ids.append(id)
        } else {
            ids[next] = id
            next = (next + 1) % RecentStreams.capacity
        }
    }

    /// Whether a stream is among them.
    func contains(_ id: Int32) -> Bool { ids.contains(id) }
}
