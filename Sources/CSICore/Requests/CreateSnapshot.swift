public import CSIProto

/// Take a snapshot, or find the one that an earlier attempt took.
public struct CreateSnapshot: ValidatedRequest {
    /// The name; the same name means the same snapshot.
    public let name: SnapshotName

    /// The volume to take it of.
    public let source: VolumeID

    /// The parameters of the VolumeSnapshotClass.
    public let parameters: Parameters

    /// What is needed to reach the storage system; cannot be printed.
    public let secrets: Secrets

    /// Checks a message.
    /// - Throws: INVALID_ARGUMENT naming the first field that cannot be used.
    public init(validating wire: CSIv1.CreateSnapshotRequest) throws(CSIError) {
        name = try SnapshotName(wire.name)
        source = try VolumeID(wire.sourceVolumeID, field: "source_volume_id")
        parameters = Parameters(try StringMap(validating: wire.parameters, field: "parameters"))
        secrets = try Secrets.validated(wire.secrets)
    }

    /// The name, and the id that the name gives.
    public var keys: [OperationKey] { [.snapshotName(name), .snapshot(SnapshotID(derivedFrom: name))] }

    /// A request to delete ends it.
    public var isMaking: Bool { true }

    /// The source, which must not go away while it is read.
    public var sharedKeys: [OperationKey] { [.volume(source)] }

    /// The name.
    public var subject: String? { name.rawValue }

    /// What a repeated request must not change.
    public var fingerprint: Fingerprint {
        var fingerprint = Fingerprint()
        fingerprint.add("name", name.rawValue)
        fingerprint.add("source_volume_id", source.rawValue)
        fingerprint.add("parameters", parameters.own)
        return fingerprint
    }
}
