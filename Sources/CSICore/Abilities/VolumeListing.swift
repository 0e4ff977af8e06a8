/// A driver that can list its volumes: LIST_VOLUMES.
public protocol VolumeListing: VolumeProvisioning {
    /// One page of the volumes, ordered by id, beginning after `request.after`.
    func list(_ request: ListVolumes) async throws(CSIError) -> VolumePage
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
}
