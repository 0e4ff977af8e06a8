/// A driver whose volumes have parameters that can change: MODIFY_VOLUME.
public protocol VolumeModifying: VolumeProvisioning {
    /// The keys of the parameters that can change; others are refused before they reach the driver, at creation too.
    var mutableKeys: Set<String> { get }

    /// Changes the parameters, all or none.
    /// - Throws: NOT_FOUND, INVALID_ARGUMENT naming a value that cannot be used.
    func modify(_ request: ModifyVolume) async throws(CSIError)
}
