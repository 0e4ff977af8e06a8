public import CSIProto

/// Take snapshots of several volumes at one moment, or find those that an earlier attempt took.
public struct CreateGroupSnapshot: ValidatedRequest {
    /// The name; the same name means the same group.
    public let name: GroupSnapshotName

    /// The volumes, each once, in the caller's order; never empty.
    public let sources: [VolumeID]

    /// The parameters of the VolumeGroupSnapshotClass.
    public let parameters: Parameters

    /// What is needed to reach the storage system; cannot be printed.
    public let secrets: Secrets

    /// Checks a message.
    /// - Throws: INVALID_ARGUMENT naming the first field that cannot be used.
    public init(validating wire: CSIv1.CreateVolumeGroupSnapshotRequest) throws(CSIError) {
        name = try GroupSnapshotName(wire.name)
        guard !wire.sourceVolumeIDs.isEmpty else { throw .missing("source_volume_ids") }
        var sources: [VolumeID] = []
        for (index, text) in wire.sourceVolumeIDs.enumerated() {
            let id = try VolumeID(text, field: "source_volume_ids[\(index)]")
            guard !sources.contains(id) else {
                throw .invalid("source_volume_ids[\(index)]", "names volume \"\(id)\" a second time")
            }
            sources.append(id)
        }
        self.sources = sources
        parameters = Parameters(try StringMap(validating: wire.parameters, field: "parameters"))
        secrets = try Secrets.validated(wire.secrets)
    }

    /// The name, and the id that the name gives.
    public var keys: [OperationKey] { [.groupSnapshotName(name), .groupSnapshot(GroupSnapshotID(derivedFrom: name))] }

    /// A request to delete ends it.
    public var isMaking: Bool { true }

    /// The sources, which must not go away while they are read.
    public var sharedKeys: [OperationKey] { sources.map { .volume($0) } }

    /// The name.
    public var subject: String? { name.rawValue }

    /// What a repeated request must not change; the order of the sources may.
    public var fingerprint: Fingerprint {
        var fingerprint = Fingerprint()
        fingerprint.add("name", name.rawValue)
        fingerprint.add("source_volume_ids", sources.sorted().map(\.rawValue).joined(separator: ","))
        fingerprint.add("parameters", parameters.own)
        return fingerprint
    }
}
