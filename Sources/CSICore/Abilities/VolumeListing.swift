/// A driver that can list its volumes: LIST_VOLUMES.
public protocol VolumeListing: VolumeProvisioning {
    /// One page of the volumes, ordered by id, beginning after `request.after`.
    func list(_ request: ListVolumes) async throws(CSIError) -> VolumePage
}

/// Cuts pages out of what is at hand.
enum Page {
    /// As many as stay well below the limit of a message.
    private static let limit = 1000

    /// One page in the order of the ids, and the position after which the next one begins.
    static func cut<Item>(
        _ all: [Item], after: String?, limit: Int?, id: (Item) -> String
    ) -> (page: [Item], next: String?) {
        let rest = all.map { (id: id($0), item: $0) }
            .filter { (entry) in after.map { $0.utf8.lexicographicallyPrecedes(entry.id.utf8) } ?? true }
            .sorted { $0.id.utf8.lexicographicallyPrecedes($1.id.utf8) }
        let page = rest.prefix(min(limit ?? Self.limit, Self.limit))
        return (page.map(\.item), page.count < rest.count ? page.last?.id : nil)
    }
}

/// One page of a list of volumes.
public struct VolumePage: Sendable, Hashable {
    /// The volumes of the page with what is known of them.
    public let entries: [VolumeDetails]

    /// The position after which the next page begins, nil on the last page; the framework makes the token of it.
    public let next: String?

    /// Creates a page.
    public init(entries: [VolumeDetails], next: String?) {
        self.entries = entries
        self.next = next
    }

    /// The page that a request asks for, out of all volumes in any order: for a driver whose storage lists everything at once.
    public init(of all: [VolumeDetails], for request: ListVolumes) {
        let (page, next) = Page.cut(all, after: request.after, limit: request.maximumEntries) { $0.volume.id.rawValue }
        self.init(entries: page, next: next)
    }
}
