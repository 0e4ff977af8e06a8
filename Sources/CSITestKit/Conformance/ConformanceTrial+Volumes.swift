import CSIProto
import CSITransport

/// A volume that is attached and staged, ready to be published.
struct PreparedVolume: Sendable {
    var volume: CSIv1.Volume
    var capability: CSIv1.VolumeCapability
    var publishContext: ProtoMap<String, String> = [:]
    var stagingPath = ""

    var id: String { volume.volumeID }
}

extension ConformanceTrial {
    /// The capability that the configuration asks for.
    var capability: CSIv1.VolumeCapability { capability(mode: configuration.accessMode) }

    func capability(
        mode: CSIv1.VolumeCapability.AccessMode.Mode, block: Bool? = nil
    ) -> CSIv1.VolumeCapability {
        let isBlock = block ?? (configuration.accessType == .block)
        return .init(
            accessType: isBlock ? .block(.init()) : .mount(.init(fsType: configuration.fsType)),
            accessMode: .init(mode: mode))
    }

    /// A request that a right driver fulfils.
    func createRequest(name: String? = nil) -> CSIv1.CreateVolumeRequest {
        CSIv1.CreateVolumeRequest(
            name: name ?? newName(), capacityRange: .init(requiredBytes: configuration.volumeSize),
            volumeCapabilities: [capability], parameters: configuration.parameters, secrets: secrets)
    }

    @discardableResult
    func createVolume(_ request: CSIv1.CreateVolumeRequest? = nil) async throws -> CSIv1.Volume {
        let request = request ?? createRequest()
        let reply = try await call(CSIv1.Controller.createVolume, request)
        guard let volume = reply.volume, !volume.volumeID.isEmpty else {
            throw ConformanceFinding(step: "CreateVolume", expected: "a volume with an id", seen: "\(reply)")
        }
        return volume
    }

    func deleteVolume(_ id: String) async throws {
        try await call(CSIv1.Controller.deleteVolume, .init(volumeID: id, secrets: secrets))
    }

    /// A request that validates the configured capability of a volume.
    func validateRequest(_ volume: CSIv1.Volume) -> CSIv1.ValidateVolumeCapabilitiesRequest {
        .init(
            volumeID: volume.volumeID, volumeContext: volume.volumeContext, volumeCapabilities: [capability],
            parameters: configuration.parameters, secrets: secrets)
    }

    func snapshotRequest(_ source: String, name: String? = nil) -> CSIv1.CreateSnapshotRequest {
        .init(
            sourceVolumeID: source, name: name ?? newName(), secrets: secrets,
            parameters: configuration.snapshotParameters)
    }

    /// Takes a snapshot and waits until it is ready to use.
    func createSnapshot(_ request: CSIv1.CreateSnapshotRequest) async throws -> CSIv1.Snapshot {
        for _ in 0..<300 {
            let reply = try await call(CSIv1.Controller.createSnapshot, request)
            guard let snapshot = reply.snapshot, !snapshot.snapshotID.isEmpty else {
                throw ConformanceFinding(step: "CreateSnapshot", expected: "a snapshot with an id", seen: "\(reply)")
            }
            if snapshot.readyToUse { return snapshot }
            try await Task.sleep(for: .milliseconds(200))
        }
        throw ConformanceFinding(step: "CreateSnapshot", expected: "ready_to_use within a minute", seen: "false")
    }

    func createGroup(_ request: CSIv1.CreateVolumeGroupSnapshotRequest) async throws -> CSIv1.VolumeGroupSnapshot {
        let reply = try await call(CSIv1.GroupController.createVolumeGroupSnapshot, request)
        guard let group = reply.groupSnapshot, !group.groupSnapshotID.isEmpty else {
            throw ConformanceFinding(
                step: "CreateVolumeGroupSnapshot", expected: "a group snapshot with an id", seen: "\(reply)")
        }
        return group
    }

    // MARK: On a node

    /// A path below the staging directory; the suite makes the directory, as the kubelet does.
    func newStagingPath() async throws -> String { try await newDirectory(in: configuration.stagingDirectory) }

    /// A target path that does not exist yet in a directory of its own.
    func newTargetPath() async throws -> String {
        try await newDirectory(in: configuration.targetDirectory) + "/target"
    }

    func newDirectory(in parent: String) async throws -> String {
        let path = parent + "/" + subject.tag + "-" + id.map { $0 == "/" ? "." : $0 } + "-\(nextSerial())"
        guard await site.makeDirectory(path) else {
            throw ConformanceFinding(step: "making the directory \(path)", expected: "success", seen: "an error")
        }
        note(.directory(path))
        return path
    }

    /// Attaches and stages a volume as far as the driver wants that.
    func prepare(
        _ volume: CSIv1.Volume, capability: CSIv1.VolumeCapability? = nil
    ) async throws -> PreparedVolume {
        var prepared = PreparedVolume(volume: volume, capability: capability ?? self.capability)
        if subject.controller.contains(.publishUnpublishVolume) {
            let reply = try await call(CSIv1.Controller.controllerPublishVolume, attachRequest(prepared))
            prepared.publishContext = reply.publishContext
        }
        if subject.node.contains(.stageUnstageVolume) {
            prepared.stagingPath = try await newStagingPath()
            try await call(CSIv1.Node.nodeStageVolume, stageRequest(prepared))
        }
        return prepared
    }

    func prepare() async throws -> PreparedVolume { try await prepare(createVolume()) }

    func attachRequest(_ prepared: PreparedVolume) -> CSIv1.ControllerPublishVolumeRequest {
        .init(
            volumeID: prepared.id, nodeID: subject.nodeInfo.nodeID, volumeCapability: prepared.capability,
            secrets: secrets, volumeContext: prepared.volume.volumeContext)
    }

    func stageRequest(_ prepared: PreparedVolume) -> CSIv1.NodeStageVolumeRequest {
        .init(
            volumeID: prepared.id, publishContext: prepared.publishContext, stagingTargetPath: prepared.stagingPath,
            volumeCapability: prepared.capability, secrets: secrets, volumeContext: prepared.volume.volumeContext)
    }

    func publishRequest(_ prepared: PreparedVolume, at target: String) -> CSIv1.NodePublishVolumeRequest {
        .init(
            volumeID: prepared.id, publishContext: prepared.publishContext, stagingTargetPath: prepared.stagingPath,
            targetPath: target, volumeCapability: prepared.capability, secrets: secrets,
            volumeContext: prepared.volume.volumeContext)
    }

    /// Publishes at a new target.
    func publish(
        _ prepared: PreparedVolume, readonly: Bool = false
    ) async throws -> CSIv1.NodePublishVolumeRequest {
        var request = publishRequest(prepared, at: try await newTargetPath())
        request.readonly = readonly
        try await call(CSIv1.Node.nodePublishVolume, request)
        return request
    }

    func unpublish(_ request: CSIv1.NodePublishVolumeRequest) async throws {
        try await call(
            CSIv1.Node.nodeUnpublishVolume, .init(volumeID: request.volumeID, targetPath: request.targetPath))
    }

    /// Undoes what `prepare` did.
    func release(_ prepared: PreparedVolume) async throws {
        if !prepared.stagingPath.isEmpty {
            try await call(
                CSIv1.Node.nodeUnstageVolume,
                .init(volumeID: prepared.id, stagingTargetPath: prepared.stagingPath))
        }
        if subject.controller.contains(.publishUnpublishVolume) {
            try await call(
                CSIv1.Controller.controllerUnpublishVolume,
                .init(volumeID: prepared.id, nodeID: subject.nodeInfo.nodeID, secrets: secrets))
        }
    }
}
