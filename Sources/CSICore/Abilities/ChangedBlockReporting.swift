/// A driver that knows which blocks of a snapshot hold data and which changed: the SnapshotMetadata service.
public protocol ChangedBlockReporting: SnapshotCapable {
    /// Sends the ranges of a snapshot that hold data, in ascending order.
    /// - Throws: NOT_FOUND, OUT_OF_RANGE when the offset is beyond the end, FAILED_PRECONDITION when it cannot be told.
    func allocatedBlocks(_ request: GetAllocatedBlocks, to stream: BlockStream) async throws(CSIError)

    /// Sends the ranges that differ between two snapshots, in ascending order.
    /// - Throws: NOT_FOUND, OUT_OF_RANGE when the offset is beyond the end, INVALID_ARGUMENT for snapshots of different
    ///   volumes, FAILED_PRECONDITION when it cannot be told.
    func changedBlocks(_ request: GetChangedBlocks, to stream: BlockStream) async throws(CSIError)
}
