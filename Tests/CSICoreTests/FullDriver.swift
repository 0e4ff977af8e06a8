import CSICore
import Synchronization

/// A driver that can do everything, in memory, for tests of routing and capabilities.
final class FullDriver: MemoryDriver, VolumeHealthReporting, PublishedNodesListing, CapacityReporting,
    ReadOnlyAttaching,
    SnapshotListing, SnapshotReading, VolumeCloning, VolumeExpanding, VolumeModifying, GroupSnapshotCapable,
    ChangedBlockReporting, VolumeStaging, NodeExpanding, NodeHealthReporting, MountGroupApplying, TopologyAware,
    @unchecked Sendable
{
    let topology = Topology(["zone": "a"])
    let expansionMode = ExpansionMode.online
    let mutableKeys: Set<String> = ["tier"]
    private let node: NodeID

    init() throws {
        node = try NodeID("node-1")
        try super.init()
    }

    var nodeID: NodeID { node }

    func list(_ request: ListVolumes) async throws(CSIError) -> VolumePage { VolumePage(entries: details(), next: nil) }

    func read(_ request: GetVolume) async throws(CSIError) -> VolumeDetails? {
        try await volume(request.id).map { VolumeDetails(volume: $0, condition: .normal) }
    }

    func capacity(_ request: GetCapacity) async throws(CSIError) -> Capacity { Capacity(available: 1) }

    func attach(_ request: AttachVolume) async throws(CSIError) -> StringMap { StringMap(["device": "/dev/x"]) }

    func detach(_ request: DetachVolume) async throws(CSIError) {}

    func createSnapshot(_ request: CreateSnapshot) async throws(CSIError) -> Snapshot {
        snapshot(SnapshotID(derivedFrom: request.name), of: request.source)
    }

    func deleteSnapshot(_ request: DeleteSnapshot) async throws(CSIError) {}

    func listSnapshots(_ request: ListSnapshots) async throws(CSIError) -> SnapshotPage {
        SnapshotPage(snapshots: [], next: nil)
    }

    func readSnapshot(_ request: GetSnapshot) async throws(CSIError) -> Snapshot? { nil }

    func restore(_ request: CreateVolume, from snapshot: SnapshotID) async throws(CSIError) -> Volume {
        Volume(id: VolumeID(derivedFrom: request.name), capacity: 0, source: .snapshot(snapshot))
    }

    func clone(_ request: CreateVolume, from volume: VolumeID) async throws(CSIError) -> Volume {
        // A fault on purpose: the framework must notice the missing source.
        if volume.rawValue == "forgotten" { return Volume(id: VolumeID(derivedFrom: request.name), capacity: 0) }
        return Volume(id: VolumeID(derivedFrom: request.name), capacity: 0, source: .volume(volume))
    }

    func expand(_ request: ExpandVolume) async throws(CSIError) -> Expansion {
        Expansion(capacity: request.capacity.required ?? 0, needsNode: true)
    }

    func modify(_ request: ModifyVolume) async throws(CSIError) {}

    func createGroupSnapshot(_ request: CreateGroupSnapshot) async throws(CSIError) -> GroupSnapshot {
        group(GroupSnapshotID(derivedFrom: request.name), of: request.sources)
    }

    func deleteGroupSnapshot(_ request: DeleteGroupSnapshot) async throws(CSIError) {}

    func groupSnapshot(_ id: GroupSnapshotID) async throws(CSIError) -> GroupSnapshot? {
        id.rawValue == "g" ? group(id, of: [try VolumeID("a")]) : nil
    }

    func allocatedBlocks(_ request: GetAllocatedBlocks, to stream: BlockStream) async throws(CSIError) {
        try await stream.begin(capacity: 1 << 20, kind: .variableLength)
        for block in 0..<10 { try await stream.send(offset: Int64(block) * 4096, length: 4096) }
    }

    func changedBlocks(_ request: GetChangedBlocks, to stream: BlockStream) async throws(CSIError) {
        try await stream.begin(capacity: 1 << 20, kind: .fixedLength)
    }

    func publish(_ request: PublishVolume) async throws(CSIError) {}

    func unpublish(_ request: UnpublishVolume) async throws(CSIError) {}

    func stats(_ request: GetVolumeStats) async throws(CSIError) -> VolumeStats {
        VolumeStats(bytes: .init(available: 1, total: 2, used: 1), inodes: nil, condition: .normal)
    }

    func stage(_ request: StageVolume) async throws(CSIError) {}

    func unstage(_ request: UnstageVolume) async throws(CSIError) {}

    func expandOnNode(_ request: ExpandVolumeOnNode) async throws(CSIError) -> Int64 { 1 }

    private func snapshot(_ id: SnapshotID, of source: VolumeID, in group: GroupSnapshotID? = nil) -> Snapshot {
        Snapshot(id: id, source: source, size: 1, creationTime: .now, isReady: true, group: group)
    }

    private func group(_ id: GroupSnapshotID, of sources: [VolumeID]) -> GroupSnapshot {
        let members = sources.compactMap { source -> Snapshot? in
            guard let name = try? SnapshotName("\(id)-\(source)") else { return nil }
            return snapshot(SnapshotID(derivedFrom: name), of: source, in: id)
        }
        return GroupSnapshot(id: id, snapshots: members, creationTime: .now)
    }
}
