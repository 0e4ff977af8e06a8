import CSIProto
import CSITransport
import Testing

@testable import CSICore

/// One message with one thing wrong, and what the refusal must name.
struct BadMessage<Wire: ProtoMessage>: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let code: String
    let change: @Sendable (inout Wire) -> Void

    init(_ field: String, code: String = "INVALID_ARGUMENT", _ change: @escaping @Sendable (inout Wire) -> Void) {
        self.testDescription = field
        self.code = code
        self.change = change
    }

    /// Applies the change to a good message and expects the refusal.
    func expectRefusal<Request: ValidatedRequest>(of good: Wire, by _: Request.Type) throws
    where Request.Wire == Wire {
        _ = try Request(validating: good)
        var bad = good
        change(&bad)
        let error = #expect(throws: CSIError.self) { try Request(validating: bad) }
        #expect(error?.code.name == code)
        #expect(error?.message.contains(testDescription) == true, "\(error?.message ?? "no error")")
    }
}

@Suite("Requests are validated, naming the field")
struct RequestValidationTests {
    private static let long = String(repeating: "x", count: 129)
    private static let capability = CSIv1.VolumeCapability(
        accessType: .mount(.init()), accessMode: .init(mode: .singleNodeWriter))
    private static let block = CSIv1.VolumeCapability(
        accessType: .block(.init()), accessMode: .init(mode: .singleNodeWriter))
    private static let largeMap: ProtoMap<String, String> = ["k": String(repeating: "v", count: 4096)]

    @Test(
        "CreateVolume",
        arguments: [
            .init("name") { $0.name = "" }, .init("name") { $0.name = long }, .init("name") { $0.name = "a\u{0}b" },
            .init("capacity_range") { $0.capacityRange = .init() },
            .init("capacity_range.required_bytes") { $0.capacityRange = .init(requiredBytes: -1) },
            .init("capacity_range") { $0.capacityRange = .init(requiredBytes: 2, limitBytes: 1) },
            .init("volume_capabilities") { $0.volumeCapabilities = [] },
            .init("volume_capabilities[0]") { $0.volumeCapabilities = [.init()] },
            .init("volume_capabilities[0].access_mode") { $0.volumeCapabilities[0].accessMode = nil },
            .init("volume_capabilities[0].access_mode") { $0.volumeCapabilities[0].accessMode = .init(mode: .unknown) },
            .init("volume_capabilities[0].access_mode") {
                $0.volumeCapabilities[0].accessMode = .init(mode: .init(rawValue: 99))
            },
            .init("block and mount") { $0.volumeCapabilities.append(block) },
            .init("volume_capabilities[0].mount.fs_type") {
                $0.volumeCapabilities[0].accessType = .mount(.init(fsType: long))
            },
            .init("mount_flags[0]") { $0.volumeCapabilities[0].accessType = .mount(.init(mountFlags: [""])) },
            .init("mount_flags") {
                $0.volumeCapabilities[0].accessType = .mount(
                    .init(mountFlags: [String](repeating: String(repeating: "f", count: 1000), count: 5)))
            },
            .init("parameters") { $0.parameters = largeMap }, .init("parameters") { $0.parameters = ["": "v"] },
            .init("parameters[\"k\"]") { $0.parameters = ["k": "a\u{0}"] },
            .init("mutable_parameters") { $0.mutableParameters = largeMap },
            .init("secrets") { $0.secrets = Secrets(largeMap) },
            .init("accessibility_requirements.requisite[0].segments") {
                $0.accessibilityRequirements = .init(requisite: [.init(segments: ["": "v"])])
            },
            .init("volume_content_source.type") { $0.volumeContentSource = .init() },
            .init("volume_content_source.snapshot.snapshot_id") {
                $0.volumeContentSource = .init(type: .snapshot(.init()))
            },
            .init("volume_content_source.volume.volume_id") {
                $0.volumeContentSource = .init(type: .volume(.init(volumeID: long)))
            },
        ] as [BadMessage<CSIv1.CreateVolumeRequest>])
    func createVolume(bad: BadMessage<CSIv1.CreateVolumeRequest>) throws {
        let good = CSIv1.CreateVolumeRequest(
            name: "v", capacityRange: .init(requiredBytes: 1), volumeCapabilities: [Self.capability],
            parameters: ["k": "line\nbreak"])
        try bad.expectRefusal(of: good, by: CreateVolume.self)
    }

    @Test(
        "DeleteVolume",
        arguments: [
            .init("volume_id") { $0.volumeID = "" }, .init("volume_id") { $0.volumeID = long },
            .init("volume_id") { $0.volumeID = "a\nb" }, .init("secrets") { $0.secrets = Secrets(largeMap) },
        ] as [BadMessage<CSIv1.DeleteVolumeRequest>])
    func deleteVolume(bad: BadMessage<CSIv1.DeleteVolumeRequest>) throws {
        try bad.expectRefusal(of: .init(volumeID: "v"), by: DeleteVolume.self)
    }

    @Test(
        "ValidateVolumeCapabilities",
        arguments: [
            .init("volume_id") { $0.volumeID = "" }, .init("volume_capabilities") { $0.volumeCapabilities = [] },
            .init("volume_capabilities[0]") { $0.volumeCapabilities = [.init()] },
            .init("volume_context") { $0.volumeContext = largeMap }, .init("parameters") { $0.parameters = largeMap },
        ] as [BadMessage<CSIv1.ValidateVolumeCapabilitiesRequest>])
    func validate(bad: BadMessage<CSIv1.ValidateVolumeCapabilitiesRequest>) throws {
        let good = CSIv1.ValidateVolumeCapabilitiesRequest(volumeID: "v", volumeCapabilities: [Self.capability])
        try bad.expectRefusal(of: good, by: ValidateVolumeCapabilities.self)
    }

    @Test(
        "ListVolumes",
        arguments: [
            .init("max_entries") { $0.maxEntries = -1 },
            .init("starting_token", code: "ABORTED") { $0.startingToken = "invalid-token" },
        ] as [BadMessage<CSIv1.ListVolumesRequest>])
    func listVolumes(bad: BadMessage<CSIv1.ListVolumesRequest>) throws {
        try bad.expectRefusal(of: .init(), by: ListVolumes.self)
    }

    @Test("ControllerGetVolume and GetCapacity")
    func others() throws {
        try BadMessage<CSIv1.ControllerGetVolumeRequest>("volume_id") { $0.volumeID = "" }
            .expectRefusal(of: .init(volumeID: "v"), by: GetVolume.self)
        try BadMessage<CSIv1.GetCapacityRequest>("volume_capabilities[0]") { $0.volumeCapabilities = [.init()] }
            .expectRefusal(of: .init(), by: GetCapacity.self)
        try BadMessage<CSIv1.GetCapacityRequest>("accessible_topology") {
            $0.accessibleTopology = .init(segments: ["": ""])
        }.expectRefusal(of: .init(), by: GetCapacity.self)
    }

    @Test(
        "NodePublishVolume",
        arguments: [
            .init("volume_id") { $0.volumeID = "" }, .init("target_path") { $0.targetPath = "" },
            .init("target_path") { $0.targetPath = "relative" }, .init("target_path") { $0.targetPath = "/a/../b" },
            .init("target_path") { $0.targetPath = "/" }, .init("target_path") { $0.targetPath = "/a\u{0}" },
            .init("target_path") { $0.targetPath = "/" + String(repeating: "x/", count: 2100) },
            .init("staging_target_path") { $0.stagingTargetPath = "relative" },
            .init("volume_capability") { $0.volumeCapability = nil },
            .init("volume_capability") { $0.volumeCapability = .init() },
            .init("volume_capability.access_mode") { $0.volumeCapability?.accessMode = .init(mode: .unknown) },
            .init("publish_context") { $0.publishContext = largeMap },
            .init("volume_context") { $0.volumeContext = largeMap },
            .init("secrets") { $0.secrets = Secrets(largeMap) },
        ] as [BadMessage<CSIv1.NodePublishVolumeRequest>])
    func publish(bad: BadMessage<CSIv1.NodePublishVolumeRequest>) throws {
        let good = CSIv1.NodePublishVolumeRequest(
            volumeID: "v", targetPath: "/t", volumeCapability: Self.capability)
        try bad.expectRefusal(of: good, by: PublishVolume.self)
    }

    @Test(
        "NodeUnpublishVolume",
        arguments: [
            .init("volume_id") { $0.volumeID = "" }, .init("target_path") { $0.targetPath = "" },
            .init("target_path") { $0.targetPath = "x" },
        ] as [BadMessage<CSIv1.NodeUnpublishVolumeRequest>])
    func unpublish(bad: BadMessage<CSIv1.NodeUnpublishVolumeRequest>) throws {
        try bad.expectRefusal(of: .init(volumeID: "v", targetPath: "/t"), by: UnpublishVolume.self)
    }

    @Test(
        "NodeGetVolumeStats",
        arguments: [
            .init("volume_id") { $0.volumeID = "" }, .init("volume_path") { $0.volumePath = "" },
            .init("volume_path", code: "NOT_FOUND") { $0.volumePath = "some/path" },
            .init("volume_path") { $0.volumePath = "/a/../b" },
            .init("staging_target_path") { $0.stagingTargetPath = "x" },
        ] as [BadMessage<CSIv1.NodeGetVolumeStatsRequest>])
    func stats(bad: BadMessage<CSIv1.NodeGetVolumeStatsRequest>) throws {
        try bad.expectRefusal(of: .init(volumeID: "v", volumePath: "/t"), by: GetVolumeStats.self)
    }

    @Test(
        "ControllerPublishVolume",
        arguments: [
            .init("volume_id") { $0.volumeID = "" }, .init("node_id") { $0.nodeID = "" },
            .init("node_id") { $0.nodeID = String(repeating: "n", count: 257) },
            .init("volume_capability") { $0.volumeCapability = nil },
            .init("volume_context") { $0.volumeContext = largeMap },
        ] as [BadMessage<CSIv1.ControllerPublishVolumeRequest>])
    func attach(bad: BadMessage<CSIv1.ControllerPublishVolumeRequest>) throws {
        let good = CSIv1.ControllerPublishVolumeRequest(
            volumeID: "v", nodeID: String(repeating: "n", count: 256), volumeCapability: Self.capability)
        try bad.expectRefusal(of: good, by: AttachVolume.self)
    }

    @Test("ControllerUnpublishVolume: no node means every node")
    func detach() throws {
        try BadMessage<CSIv1.ControllerUnpublishVolumeRequest>("volume_id") { $0.volumeID = "" }
            .expectRefusal(of: .init(volumeID: "v", nodeID: "n"), by: DetachVolume.self)
        #expect(try DetachVolume(validating: .init(volumeID: "v")).node == nil)
    }

    @Test(
        "Snapshots",
        arguments: [
            .init("name") { $0.name = "" }, .init("name") { $0.name = long },
            .init("source_volume_id") { $0.sourceVolumeID = "" }, .init("parameters") { $0.parameters = largeMap },
        ] as [BadMessage<CSIv1.CreateSnapshotRequest>])
    func createSnapshot(bad: BadMessage<CSIv1.CreateSnapshotRequest>) throws {
        try bad.expectRefusal(of: .init(sourceVolumeID: "v", name: "s"), by: CreateSnapshot.self)
        try BadMessage<CSIv1.DeleteSnapshotRequest>("snapshot_id") { $0.snapshotID = "" }
            .expectRefusal(of: .init(snapshotID: "s"), by: DeleteSnapshot.self)
        try BadMessage<CSIv1.GetSnapshotRequest>("snapshot_id") { $0.snapshotID = "" }
            .expectRefusal(of: .init(snapshotID: "s"), by: GetSnapshot.self)
    }

    @Test(
        "ListSnapshots",
        arguments: [
            .init("max_entries") { $0.maxEntries = -1 },
            .init("starting_token", code: "ABORTED") { $0.startingToken = "x" },
            .init("snapshot_id") { $0.snapshotID = long }, .init("source_volume_id") { $0.sourceVolumeID = "a\nb" },
        ] as [BadMessage<CSIv1.ListSnapshotsRequest>])
    func listSnapshots(bad: BadMessage<CSIv1.ListSnapshotsRequest>) throws {
        try bad.expectRefusal(of: .init(sourceVolumeID: "v", snapshotID: "s"), by: ListSnapshots.self)
    }

    @Test(
        "Expansion and modification",
        arguments: [
            .init("volume_id") { $0.volumeID = "" }, .init("capacity_range") { $0.capacityRange = nil },
            .init("capacity_range") { $0.capacityRange = .init() },
            .init("volume_capability") { $0.volumeCapability = .init() },
        ] as [BadMessage<CSIv1.ControllerExpandVolumeRequest>])
    func expand(bad: BadMessage<CSIv1.ControllerExpandVolumeRequest>) throws {
        try bad.expectRefusal(
            of: .init(volumeID: "v", capacityRange: .init(requiredBytes: 1)), by: ExpandVolume.self)
        try BadMessage<CSIv1.ControllerModifyVolumeRequest>("mutable_parameters") {
            $0.mutableParameters = Self.largeMap
        }
        .expectRefusal(of: .init(volumeID: "v"), by: ModifyVolume.self)
    }

    @Test(
        "NodeStageVolume and NodeUnstageVolume",
        arguments: [
            .init("volume_id") { $0.volumeID = "" }, .init("staging_target_path") { $0.stagingTargetPath = "" },
            .init("staging_target_path") { $0.stagingTargetPath = "a/b" },
            .init("volume_capability") { $0.volumeCapability = nil },
        ] as [BadMessage<CSIv1.NodeStageVolumeRequest>])
    func stage(bad: BadMessage<CSIv1.NodeStageVolumeRequest>) throws {
        let good = CSIv1.NodeStageVolumeRequest(
            volumeID: "v", stagingTargetPath: "/s", volumeCapability: Self.capability)
        try bad.expectRefusal(of: good, by: StageVolume.self)
        try BadMessage<CSIv1.NodeUnstageVolumeRequest>("staging_target_path") { $0.stagingTargetPath = "" }
            .expectRefusal(of: .init(volumeID: "v", stagingTargetPath: "/s"), by: UnstageVolume.self)
    }

    @Test(
        "NodeExpandVolume",
        arguments: [
            .init("volume_id") { $0.volumeID = "" }, .init("volume_path") { $0.volumePath = "" },
            .init("capacity_range") { $0.capacityRange = .init(requiredBytes: -1) },
        ] as [BadMessage<CSIv1.NodeExpandVolumeRequest>])
    func nodeExpand(bad: BadMessage<CSIv1.NodeExpandVolumeRequest>) throws {
        try bad.expectRefusal(of: .init(volumeID: "v", volumePath: "/t"), by: ExpandVolumeOnNode.self)
    }

    @Test(
        "Group snapshots",
        arguments: [
            .init("name") { $0.name = "" }, .init("source_volume_ids") { $0.sourceVolumeIDs = [] },
            .init("source_volume_ids[1]") { $0.sourceVolumeIDs = ["a", ""] },
            .init("source_volume_ids[1]") { $0.sourceVolumeIDs = ["a", "a"] },
        ] as [BadMessage<CSIv1.CreateVolumeGroupSnapshotRequest>])
    func groups(bad: BadMessage<CSIv1.CreateVolumeGroupSnapshotRequest>) throws {
        try bad.expectRefusal(of: .init(name: "g", sourceVolumeIDs: ["a", "b"]), by: CreateGroupSnapshot.self)
        try BadMessage<CSIv1.DeleteVolumeGroupSnapshotRequest>("group_snapshot_id") { $0.groupSnapshotID = "" }
            .expectRefusal(of: .init(groupSnapshotID: "g"), by: DeleteGroupSnapshot.self)
        try BadMessage<CSIv1.GetVolumeGroupSnapshotRequest>("snapshot_ids[1]") { $0.snapshotIDs = ["s", "s"] }
            .expectRefusal(of: .init(groupSnapshotID: "g"), by: GetGroupSnapshot.self)
    }

    @Test(
        "Block metadata",
        arguments: [
            .init("snapshot_id") { $0.snapshotID = "" }, .init("max_results") { $0.maxResults = -1 },
            .init("starting_offset", code: "OUT_OF_RANGE") { $0.startingOffset = -1 },
        ] as [BadMessage<CSIv1.GetMetadataAllocatedRequest>])
    func blocks(bad: BadMessage<CSIv1.GetMetadataAllocatedRequest>) throws {
        try bad.expectRefusal(of: .init(snapshotID: "s"), by: GetAllocatedBlocks.self)
        try BadMessage<CSIv1.GetMetadataDeltaRequest>("base_snapshot_id") { $0.baseSnapshotID = "" }
            .expectRefusal(of: .init(baseSnapshotID: "a", targetSnapshotID: "b"), by: GetChangedBlocks.self)
    }
}
