public import CSIProto

/// Ask how full a published volume is, and whether it is healthy (NodeGetVolumeStats).
public struct GetVolumeStats: ValidatedRequest {
    /// The volume.
    public let id: VolumeID

    /// Where the volume is published or staged.
    public let path: AbsolutePath

    /// Where the volume was staged; nil when the driver does not stage.
    public let stagingPath: AbsolutePath?

    /// Checks a message.
    /// - Throws: INVALID_ARGUMENT naming the first field that cannot be used; NOT_FOUND for a relative path, where no
    ///   volume can be (callers and the public conformance suite expect that code for a path that leads nowhere).
    public init(validating wire: CSIv1.NodeGetVolumeStatsRequest) throws(CSIError) {
        id = try VolumeID(wire.volumeID)
        let text = try WireText.required(wire.volumePath, "volume_path", limit: WireText.pathLimit)
        guard text.utf8.first == UInt8(ascii: "/") else {
            throw .notFound(.volume(id), "volume_path \"\(text)\" is not an absolute path, no volume can be there")
        }
        path = try AbsolutePath(text, field: "volume_path")
        stagingPath =
            wire.stagingTargetPath.isEmpty
            ? nil : try AbsolutePath(wire.stagingTargetPath, field: "staging_target_path")
    }

    /// The volume's id.
    public var subject: String? { id.rawValue }
}
