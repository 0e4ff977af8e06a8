/// A driver that makes and removes volumes: CREATE_DELETE_VOLUME, and ValidateVolumeCapabilities.
public protocol VolumeProvisioning: CSIDriver {
    /// The ways in which this driver's volumes can be used; requests for any other way never reach the driver.
    var support: VolumeSupport { get }

    /// Makes the volume of this name, or finds the one that an earlier attempt made.
    ///
    /// Called again with the same name it must answer the same volume; with anything else than the first time, ALREADY_EXISTS
    /// (see ``Fingerprint/requireMatch(_:of:)``).
    /// - Throws: OUT_OF_RANGE for a size that can never be had, RESOURCE_EXHAUSTED when there is no room here and now.
    func create(_ request: CreateVolume) async throws(CSIError) -> Volume

    /// Removes a volume with its data. The absent is success.
    /// - Throws: FAILED_PRECONDITION while the volume is in use.
    func delete(_ request: DeleteVolume) async throws(CSIError)

    /// The volume of this id, nil when there is none.
    func volume(_ id: VolumeID) async throws(CSIError) -> Volume?

    /// Why the volume cannot be used as the request says, nil when it can.
    ///
    /// The framework has found the volume and compared the request with ``support``; a driver adds what depends on the
    /// single volume, for example that it was made as a block volume.
    func refusal(of request: ValidateVolumeCapabilities, for volume: Volume) async throws(CSIError) -> String?
}

extension VolumeProvisioning {
    /// Every supported use fits every volume.
    public func refusal(of request: ValidateVolumeCapabilities, for volume: Volume) async throws(CSIError) -> String? {
        nil
    }
}
