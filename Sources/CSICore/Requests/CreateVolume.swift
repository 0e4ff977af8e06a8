public import CSIProto

/// Make a volume, or find the one that an earlier attempt made.
public struct CreateVolume: ValidatedRequest {
    /// The name; the same name means the same volume.
    public let name: VolumeName

    /// The size wanted; nil leaves it to the driver.
    public let capacity: CapacityRange?

    /// How the volume is to be used; never empty, never block and mount together.
    public let capabilities: [VolumeCapability]

    /// The parameters of the StorageClass.
    public let parameters: Parameters

    /// The parameters that ControllerModifyVolume may change later.
    public let mutableParameters: Parameters

    /// What is needed to reach the storage system; cannot be printed.
    public let secrets: Secrets

    /// Where the volume must be reachable from; nil when the caller does not say.
    public let accessibility: TopologyRequirement?

    /// What the volume is to be filled with; nil for an empty volume.
    public let source: ContentSource?

    /// Checks a message.
    /// - Throws: INVALID_ARGUMENT naming the first field that cannot be used.
    public init(validating wire: CSIv1.CreateVolumeRequest) throws(CSIError) {
        name = try VolumeName(wire.name)
        if let range = wire.capacityRange {
            capacity = try CapacityRange(validating: range)
        } else {
            capacity = nil
        }
        capabilities = try VolumeCapability.list(validating: wire.volumeCapabilities)
        parameters = Parameters(try StringMap(validating: wire.parameters, field: "parameters"))
        mutableParameters = Parameters(
            try StringMap(validating: wire.mutableParameters, field: "mutable_parameters"), field: "mutable_parameters")
        secrets = try Secrets.validated(wire.secrets)
        if let requirement = wire.accessibilityRequirements {
            accessibility = try TopologyRequirement(validating: requirement)
        } else {
            accessibility = nil
        }
        if let source = wire.volumeContentSource {
            self.source = try ContentSource(validating: source)
        } else {
            source = nil
        }
    }

    /// The name, and the id that the name gives: a create and a delete of the same volume exclude each other.
    public var keys: [OperationKey] { [.volumeName(name), .volume(VolumeID(derivedFrom: name))] }

    /// A request to delete ends it.
    public var isMaking: Bool { true }

    /// The source, which must not go away while it is read.
    public var sharedKeys: [OperationKey] { source.map { [$0.key] } ?? [] }

    /// The name.
    public var subject: String? { name.rawValue }

    /// What a repeated request must not change.
    ///
    /// The capacity is not part of it: an existing volume is compared with the range, since it may have grown. Neither is
    /// the accessibility, which a rescheduled claim changes.
    public var fingerprint: Fingerprint {
        var fingerprint = Fingerprint()
        fingerprint.add("name", name.rawValue)
        for text in capabilities.map(\.canonicalText).sorted() { fingerprint.add("volume_capabilities", text) }
        fingerprint.add("parameters", parameters.own)
        fingerprint.add("mutable_parameters", mutableParameters.map)
        if let source { fingerprint.add("volume_content_source", source.description) }
        return fingerprint
    }
}
