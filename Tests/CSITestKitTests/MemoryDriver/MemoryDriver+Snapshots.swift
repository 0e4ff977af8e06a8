import CSIProto
import CSITransport
import Synchronization

extension MemoryDriver {
    func addSnapshots(_ router: inout RPCRouter, _ role: Role) {
        add(&router, role, CSIv1.Controller.createSnapshot) { [self] (request) throws(RPCError) in
            try Check.name(request.name)
            try Check.id(request.sourceVolumeID, "source_volume_id")
            try Check.map(request.parameters, "parameters")
            if let old = state.withLock({ $0.snapshots.values.first { $0.name == request.name } }) {
                guard old.message.sourceVolumeID == request.sourceVolumeID else { throw .exists(request.name) }
                return .init(snapshot: old.message)
            }
            return .init(snapshot: take(request.name, try find(request.sourceVolumeID), group: ""))
        }
        add(&router, role, CSIv1.Controller.deleteSnapshot) { [self] (request) throws(RPCError) in
            try Check.id(request.snapshotID, "snapshot_id")
            let group = state.withLock { $0.snapshots[request.snapshotID]?.message.groupSnapshotID ?? "" }
            guard group.isEmpty else { throw .invalid("the snapshot is a member of \(group)") }
            state.withLock { $0.snapshots[request.snapshotID] = nil }
            return .init()
        }
        add(&router, role, CSIv1.Controller.listSnapshots) { [self] (request) throws(RPCError) in
            let found = state.withLock { state in
                state.snapshots.values.map(\.message)
                    .filter { request.snapshotID.isEmpty || $0.snapshotID == request.snapshotID }
                    .filter { request.sourceVolumeID.isEmpty || $0.sourceVolumeID == request.sourceVolumeID }
                    .sorted { $0.snapshotID < $1.snapshotID }
            }
            let page = try Check.page(found, request.maxEntries, request.startingToken)
            return .init(entries: page.items.map { .init(snapshot: $0) }, nextToken: page.next)
        }
        add(&router, role, CSIv1.Controller.getSnapshot) { [self] (request) throws(RPCError) in
            try Check.id(request.snapshotID, "snapshot_id")
            return .init(snapshot: try snapshot(request.snapshotID).message)
        }
    }

    private func snapshot(_ id: String) throws(RPCError) -> Snapshot {
        guard let snapshot = state.withLock({ $0.snapshots[id] }) else { throw .missing(id) }
        return snapshot
    }

    private func take(_ name: String, _ volume: Volume, group: String) -> CSIv1.Snapshot {
        state.withLock { state in
            state.serial += 1
            let message = CSIv1.Snapshot(
                sizeBytes: volume.message.capacityBytes, snapshotID: "snapshot-\(state.serial)",
                sourceVolumeID: volume.message.volumeID, creationTime: .init(seconds: 1_700_000_000),
                readyToUse: true, groupSnapshotID: group)
            state.snapshots[message.snapshotID] = Snapshot(
                message: message, name: name, capacity: volume.message.capacityBytes, content: volume.content)
            return message
        }
    }

    func addGroups(_ router: inout RPCRouter, _ role: Role) {
        add(&router, role, CSIv1.GroupController.groupControllerGetCapabilities) { (_) throws(RPCError) in
            .init(capabilities: [.init(type: .rpc(.init(type: .createDeleteGetVolumeGroupSnapshot)))])
        }
        add(&router, role, CSIv1.GroupController.createVolumeGroupSnapshot) { [self] (request) throws(RPCError) in
            try Check.name(request.name)
            try Check.map(request.parameters, "parameters")
            guard !request.sourceVolumeIDs.isEmpty, !request.sourceVolumeIDs.contains("") else {
                throw .invalid("source_volume_ids is missing")
            }
            if let old = state.withLock({ $0.groups.values.first { $0.name == request.name } }) {
                guard old.sources == request.sourceVolumeIDs else { throw .exists(request.name) }
                return .init(groupSnapshot: old.message)
            }
            var volumes: [Volume] = []
            for id in request.sourceVolumeIDs { volumes.append(try find(id)) }
            let id = "group-of-\(request.name)"
            let members = volumes.map { take("", $0, group: id) }
            let message = CSIv1.VolumeGroupSnapshot(
                groupSnapshotID: id, snapshots: members, creationTime: .init(seconds: 1_700_000_000),
                readyToUse: true)
            state.withLock {
                $0.groups[id] = Group(message: message, name: request.name, sources: request.sourceVolumeIDs)
            }
            return .init(groupSnapshot: message)
        }
        add(&router, role, CSIv1.GroupController.getVolumeGroupSnapshot) { [self] (request) throws(RPCError) in
            try Check.id(request.groupSnapshotID, "group_snapshot_id")
            guard let group = state.withLock({ $0.groups[request.groupSnapshotID] }) else {
                throw .missing(request.groupSnapshotID)
            }
            try Self.check(request.snapshotIDs, group)
            return .init(groupSnapshot: group.message)
        }
        add(&router, role, CSIv1.GroupController.deleteVolumeGroupSnapshot) { [self] (request) throws(RPCError) in
            try Check.id(request.groupSnapshotID, "group_snapshot_id")
            guard let group = state.withLock({ $0.groups[request.groupSnapshotID] }) else { return .init() }
            try Self.check(request.snapshotIDs, group)
            state.withLock { state in
                state.groups[request.groupSnapshotID] = nil
                for member in group.message.snapshots { state.snapshots[member.snapshotID] = nil }
            }
            return .init()
        }
    }

    private static func check(_ ids: [String], _ group: Group) throws(RPCError) {
        guard Set(ids) == Set(group.message.snapshots.map(\.snapshotID)) else {
            throw .invalid("snapshot_ids are not the members of \(group.name)")
        }
    }

    func addMetadata(_ router: inout RPCRouter, _ role: Role) {
        router.serverStreaming(CSIv1.SnapshotMetadata.getMetadataAllocated) {
            [self] (request, _, writer) async throws(RPCError) in
            var size = request.maxResults
            let result = pass(CSIv1.SnapshotMetadata.getMetadataAllocated.path, role, request) { [self] request in
                guard let request = request as? CSIv1.GetMetadataAllocatedRequest else { return .failure(.wrongType) }
                size = request.maxResults
                do throws(RPCError) {
                    try Check.id(request.snapshotID, "snapshot_id")
                    let snapshot = try snapshot(request.snapshotID)
                    let blocks = try Self.blocks(
                        [0, 8_192, 65_536], snapshot, request.startingOffset, request.maxResults)
                    return .success(
                        CSIv1.GetMetadataAllocatedResponse(
                            blockMetadataType: .fixedLength, volumeCapacityBytes: snapshot.capacity,
                            blockMetadata: blocks))
                } catch { return .failure(error) }
            }
            guard let all = try result.get() as? CSIv1.GetMetadataAllocatedResponse else { throw .wrongType }
            for part in Self.parts(all.blockMetadata, size) {
                var message = all
                message.blockMetadata = part
                try await writer.send(message)
            }
        }
        router.serverStreaming(CSIv1.SnapshotMetadata.getMetadataDelta) {
            [self] (request, _, writer) async throws(RPCError) in
            var size = request.maxResults
            let result = pass(CSIv1.SnapshotMetadata.getMetadataDelta.path, role, request) { [self] request in
                guard let request = request as? CSIv1.GetMetadataDeltaRequest else { return .failure(.wrongType) }
                size = request.maxResults
                do throws(RPCError) {
                    try Check.id(request.baseSnapshotID, "base_snapshot_id")
                    try Check.id(request.targetSnapshotID, "target_snapshot_id")
                    let base = try snapshot(request.baseSnapshotID)
                    let target = try snapshot(request.targetSnapshotID)
                    guard base.message.sourceVolumeID == target.message.sourceVolumeID else {
                        throw .invalid("the snapshots are of two volumes")
                    }
                    let isSame = request.baseSnapshotID == request.targetSnapshotID
                    let blocks = try Self.blocks(
                        isSame ? [] : [4_096, 65_536], target, request.startingOffset, request.maxResults)
                    return .success(
                        CSIv1.GetMetadataDeltaResponse(
                            blockMetadataType: .fixedLength, volumeCapacityBytes: target.capacity,
                            blockMetadata: blocks))
                } catch { return .failure(error) }
            }
            guard let all = try result.get() as? CSIv1.GetMetadataDeltaResponse else { throw .wrongType }
            for part in Self.parts(all.blockMetadata, size) {
                var message = all
                message.blockMetadata = part
                try await writer.send(message)
            }
        }
    }

    private static func blocks(
        _ offsets: [Int64], _ snapshot: Snapshot, _ start: Int64, _ size: Int32
    ) throws(RPCError) -> [CSIv1.BlockMetadata] {
        guard start >= 0, size >= 0 else { throw .invalid("an argument is negative") }
        guard start <= snapshot.capacity else {
            throw RPCError(code: .outOfRange, message: "starting_offset is past the end")
        }
        return offsets.filter { $0 >= start }.map { .init(byteOffset: $0, sizeBytes: 4_096) }
    }

    private static func parts(_ blocks: [CSIv1.BlockMetadata], _ size: Int32) -> [[CSIv1.BlockMetadata]] {
        guard size > 0, !blocks.isEmpty else { return [blocks] }
        return stride(from: 0, to: blocks.count, by: Int(size)).map { start in
            Array(blocks[start..<min(blocks.count, start + Int(size))])
        }
    }
}
