import CSIProto
import CSITransport

extension RouteTable {
    mutating func addSnapshots(_ driver: any SnapshotCapable) {
        controller(CSIv1.Controller.createSnapshot) { (request: CreateSnapshot) async throws(CSIError) in
            let snapshot = try await driver.createSnapshot(request)
            guard snapshot.source == request.source else {
                throw .fault("the driver answered a snapshot of volume \"\(snapshot.source)\"")
            }
            return CSIv1.CreateSnapshotResponse(snapshot: try snapshot.wire())
        }
        controller(CSIv1.Controller.deleteSnapshot) { (request: DeleteSnapshot) async throws(CSIError) in
            try await driver.deleteSnapshot(request)
            return CSIv1.DeleteSnapshotResponse()
        }
    }

    mutating func addSnapshotListing(_ driver: any SnapshotListing) {
        controller(CSIv1.Controller.listSnapshots) { (request: ListSnapshots) async throws(CSIError) in
            let page = try await driver.listSnapshots(request)
            var reply = CSIv1.ListSnapshotsResponse(nextToken: page.next.map { PageToken.encoded(after: $0) } ?? "")
            reply.entries.reserveCapacity(page.snapshots.count)
            for snapshot in page.snapshots { reply.entries.append(.init(snapshot: try snapshot.wire())) }
            return reply
        }
    }

    mutating func addSnapshotReading(_ driver: any SnapshotReading) {
        controller(CSIv1.Controller.getSnapshot) { (request: GetSnapshot) async throws(CSIError) in
            guard let snapshot = try await driver.readSnapshot(request) else { throw .notFound(.snapshot(request.id)) }
            return CSIv1.GetSnapshotResponse(snapshot: try snapshot.wire())
        }
    }

    mutating func addGroupSnapshots(_ driver: any GroupSnapshotCapable) {
        controller(CSIv1.GroupController.createVolumeGroupSnapshot) {
            (request: CreateGroupSnapshot) async throws(CSIError) in
            let group = try await driver.createGroupSnapshot(request)
            guard Set(group.snapshots.map(\.source)) == Set(request.sources) else {
                throw .fault("the driver answered group \"\(group.id)\" with snapshots of other volumes")
            }
            return CSIv1.CreateVolumeGroupSnapshotResponse(groupSnapshot: try group.wire())
        }
        controller(CSIv1.GroupController.deleteVolumeGroupSnapshot) {
            (request: DeleteGroupSnapshot) async throws(CSIError) in
            if let group = try await driver.groupSnapshot(request.id) { try group.requireMembers(request.members) }
            try await driver.deleteGroupSnapshot(request)
            return CSIv1.DeleteVolumeGroupSnapshotResponse()
        }
        controller(CSIv1.GroupController.getVolumeGroupSnapshot) {
            (request: GetGroupSnapshot) async throws(CSIError) in
            guard let group = try await driver.groupSnapshot(request.id) else {
                throw .notFound(.groupSnapshot(request.id))
            }
            try group.requireMembers(request.members)
            return CSIv1.GetVolumeGroupSnapshotResponse(groupSnapshot: try group.wire())
        }
    }

    mutating func addChangedBlocks(_ driver: any ChangedBlockReporting) {
        controllerStream(CSIv1.SnapshotMetadata.getMetadataAllocated) {
            (request: GetAllocatedBlocks, writer: RPCWriter<CSIv1.GetMetadataAllocatedResponse>)
                async throws(CSIError) in
            let stream = BlockStream(startingOffset: request.startingOffset, maximumResults: request.maximumResults) {
                (batch) async throws(CSIError) in
                try await writer.pass(
                    .init(
                        blockMetadataType: batch.wireKind, volumeCapacityBytes: batch.capacity,
                        blockMetadata: batch.wireRanges))
            }
            try await driver.allocatedBlocks(request, to: stream)
            try await stream.finish()
        }
        controllerStream(CSIv1.SnapshotMetadata.getMetadataDelta) {
            (request: GetChangedBlocks, writer: RPCWriter<CSIv1.GetMetadataDeltaResponse>) async throws(CSIError) in
            let stream = BlockStream(startingOffset: request.startingOffset, maximumResults: request.maximumResults) {
                (batch) async throws(CSIError) in
                try await writer.pass(
                    .init(
                        blockMetadataType: batch.wireKind, volumeCapacityBytes: batch.capacity,
                        blockMetadata: batch.wireRanges))
            }
            try await driver.changedBlocks(request, to: stream)
            try await stream.finish()
        }
    }
}

extension GroupSnapshot {
    /// A caller that names other members than the group has means another group.
    fileprivate func requireMembers(_ members: [SnapshotID]) throws(CSIError) {
        guard members.isEmpty || Set(members) == Set(snapshots.map(\.id)) else {
            throw .invalid("snapshot_ids", "are not the members of group snapshot \"\(id)\"")
        }
    }
}

extension BlockStream.Batch {
    fileprivate var wireKind: CSIv1.BlockMetadataType {
        switch kind {
        case .fixedLength: .fixedLength
        case .variableLength: .variableLength
        }
    }

    fileprivate var wireRanges: [CSIv1.BlockMetadata] {
        ranges.map { .init(byteOffset: $0.offset, sizeBytes: $0.length) }
    }
}

extension RPCWriter {
    /// Sends a message; the only way it fails is that the caller is gone.
    fileprivate func pass(_ message: Message) async throws(CSIError) {
        do throws(RPCError) {
            try await send(message)
        } catch {
            throw .cancelled("the caller stopped reading: \(error.message)")
        }
    }
}
