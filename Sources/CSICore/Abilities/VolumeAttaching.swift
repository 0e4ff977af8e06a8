/// A driver whose volumes must be attached to a node before the node can use them: PUBLISH_UNPUBLISH_VOLUME.
public protocol VolumeAttaching: VolumeProvisioning {
    /// Attaches the volume to the node and waits until it is.
    ///
    /// Attached there already with the same arguments is success.
    /// - Returns: What the node calls receive as `publish_context`.
    /// - Throws: NOT_FOUND for an unknown volume or node, ALREADY_EXISTS when it is attached there in another way,
    ///   FAILED_PRECONDITION when it is attached elsewhere, RESOURCE_EXHAUSTED at the node's limit.
    func attach(_ request: AttachVolume) async throws(CSIError) -> StringMap

    /// Detaches the volume from the node, or from every node; the absent is success.
    func detach(_ request: DetachVolume) async throws(CSIError)
}

/// A driver that can attach read-only: PUBLISH_READONLY.
///
/// Without it a request to do so is refused before it reaches the driver.
public protocol ReadOnlyAttaching: VolumeAttaching {}

/// A driver that knows where its volumes are attached, and tells in ``VolumeDetails/publishedNodes``:
/// LIST_VOLUMES_PUBLISHED_NODES.
public protocol PublishedNodesListing: VolumeListing {}
