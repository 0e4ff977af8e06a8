public import CSIProto

/// Ask how much room there is for new volumes.
public struct GetCapacity: ValidatedRequest {
    /// How the volumes are to be used; empty for any.
    public let capabilities: [VolumeCapability]

    /// The parameters of the StorageClass.
    public let parameters: Parameters

    /// Where the volumes must be reachable from; nil for anywhere.
    public let topology: Topology?

    /// Checks a message.
    /// - Throws: INVALID_ARGUMENT naming the first field that cannot be used.
    public init(validating wire: CSIv1.GetCapacityRequest) throws(CSIError) {
        capabilities =
            wire.volumeCapabilities.isEmpty ? [] : try VolumeCapability.list(validating: wire.volumeCapabilities)
        parameters = Parameters(try StringMap(validating: wire.parameters, field: "parameters"))
        if let topology = wire.accessibleTopology {
            self.topology = try Topology(validating: topology, field: "accessible_topology")
        } else {
            topology = nil
        }
    }
}
