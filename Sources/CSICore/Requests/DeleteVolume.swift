public import CSIProto

/// Remove a volume and its data; the absent is success.
public struct DeleteVolume: ValidatedRequest {
    /// The volume.
    public let id: VolumeID

    /// What is needed to reach the storage system; cannot be printed.
    public let secrets: Secrets

    /// Checks a message.
    /// - Throws: INVALID_ARGUMENT naming the first field that cannot be used.
    public init(validating wire: CSIv1.DeleteVolumeRequest) throws(CSIError) {
        id = try VolumeID(wire.volumeID)
        secrets = try Secrets.validated(wire.secrets)
    }

    /// The volume.
    public var keys: [OperationKey] { [.volume(id)] }

    /// The work that makes it, which is not wanted any more.
    public var endedKey: OperationKey? { .volume(id) }

    /// The volume's id.
    public var subject: String? { id.rawValue }
}
