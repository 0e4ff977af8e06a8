import CSIProto
import CSITransport

extension FaultTable {
    static let nodes: [String: Fault] = [
        "node-info/id": .garbles(N.nodeGetInfo) { reply, _ in reply.nodeID = "" },
        "node-info/limit": .garbles(N.nodeGetInfo) { reply, _ in reply.maxVolumesPerNode = -1 },
        "node-info/topology": .garbles(N.nodeGetInfo) { reply, _ in reply.accessibleTopology = nil },
        "node-info/repeated": .garbles(N.nodeGetInfo) { reply, count in reply.nodeID += "-\(count)" },
        "node-stats/usage": .garbles(N.nodeGetVolumeStats) { reply, _ in reply.usage = [] },
        "node-stats/condition": .garbles(N.nodeGetVolumeStats) { reply, _ in reply.volumeCondition = nil },
        "node-expand/expanded": .fails(N.nodeExpandVolume, .invalidArgument) { $0.volumeCapability == nil },
        "node-expand/repeated": .garbles(N.nodeExpandVolume) { reply, count in reply.capacityBytes += Int64(count) },
        "node-expand/no-range": .fails(N.nodeExpandVolume, .invalidArgument) { $0.capacityRange == nil },
        "node-stage/repeated": .fails(N.nodeStageVolume, .alreadyExists, from: 2),
        "node-unstage/never-staged": .fails(N.nodeUnstageVolume, .failedPrecondition),
        "node-unstage/repeated": .fails(N.nodeUnstageVolume, .failedPrecondition, from: 2),
        "node-unstage/unknown": .fails(N.nodeUnstageVolume, .internalError),
        "node-unstage/other-arguments-after": .pretends(N.nodeUnstageVolume),
        "node-publish/published": .pretends(N.nodePublishVolume),
        "node-publish/repeated": .fails(N.nodePublishVolume, .alreadyExists, from: 2),
        "node-publish/long-target": .fails(N.nodePublishVolume, .invalidArgument) { $0.targetPath.utf8.count > 128 },
        "node-publish/mount-group": .fails(N.nodePublishVolume),
        "node-publish/not-staged": .forgives(N.nodePublishVolume),
        "node-publish/other-readonly": .misreads(N.nodePublishVolume) { $0.readonly = false },
        "node-publish/other-writable": .misreads(N.nodePublishVolume) { $0.readonly = true },
        "node-publish/other-access-type": .forgives(N.nodePublishVolume),
        "node-publish/other-mount-flags": .forgives(N.nodePublishVolume),
        "node-publish/other-volume": .forgives(N.nodePublishVolume),
        "node-publish/second-target-single-writer": asMultiWriter,
        "node-publish/second-target-writer": asMultiWriter,
        "node-publish/second-target-multi-writer": .misreads(N.nodePublishVolume) { request in
            request.volumeCapability?.accessMode = .init(mode: .singleNodeSingleWriter)
        },
        "node-publish/nothing-left-after-refusal": .misreads(N.nodePublishVolume) { $0.volumeID = "volume-1" },
        "node-publish/other-arguments-after": .pretends(N.nodeUnpublishVolume),
        "node-content/writable": .misreads(N.nodePublishVolume) { $0.readonly = true },
        "node-content/kept": losesContent,
        "node-content/kept-after-release": losesContent,
        "node-content/readonly": .misreads(N.nodePublishVolume) { $0.readonly = false },
        "node-content/reader-mode": .misreads(N.nodePublishVolume) { $0.readonly = false },
        "node-content/empty": keepsContent,
        "node-content/stacked": losesContent,
        "node-unpublish/gone": .pretends(N.nodeUnpublishVolume),
        "node-unpublish/repeated": .fails(N.nodeUnpublishVolume, .failedPrecondition, from: 2),
        "node-unpublish/never-published": .fails(N.nodeUnpublishVolume, .failedPrecondition),
        "node-unpublish/unknown": .fails(N.nodeUnpublishVolume, .unknown),
        "node-unpublish/deleted": .fails(N.nodeUnpublishVolume, .internalError, from: 2),
        "node-unpublish/other-target": losesContent,
    ]

    private static let asMultiWriter = Fault.misreads(N.nodePublishVolume) { request in
        request.volumeCapability?.accessMode = .init(mode: .singleNodeMultiWriter)
    }

    /// Deletes what is in the volumes when one is unpublished.
    private static let losesContent = Fault(path: N.nodeUnpublishVolume.path) { request, _, good in
        good(request)
    } state: { state in
        for id in state.volumes.keys { state.volumes[id]?.content = nil }
    }

    /// Gives new volumes what is in the trash.
    private static let keepsContent = Fault(path: N.nodePublishVolume.path) { request, _, good in
        good(request)
    } state: { state in
        for id in state.volumes.keys { state.volumes[id]?.content = "old" }
    }

    static let groups: [String: Fault] = [
        "group-snapshot/created": .garbles(G.createVolumeGroupSnapshot) { reply, _ in
            for index in reply.groupSnapshot?.snapshots.indices ?? 0..<0 {
                reply.groupSnapshot?.snapshots[index].groupSnapshotID = ""
            }
        },
        "group-snapshot/repeated": .fails(G.createVolumeGroupSnapshot, .alreadyExists, from: 2),
        "group-snapshot/other-sources": .forgives(G.createVolumeGroupSnapshot),
        "group-snapshot/member-deletion": .forgives(C.deleteSnapshot),
        "group-snapshot/members-listed": .garbles(C.listSnapshots) { reply, _ in
            for index in reply.entries.indices { reply.entries[index].snapshot?.groupSnapshotID = "" }
        },
        "group-snapshot/restore": .fails(C.createVolume, .notFound) { $0.volumeContentSource != nil },
        "group-snapshot-get/same-group": .garbles(G.getVolumeGroupSnapshot) { reply, _ in
            reply.groupSnapshot?.snapshots = []
        },
        "group-snapshot-delete/unknown": .fails(G.deleteVolumeGroupSnapshot, .notFound),
        "group-snapshot-delete/deleted": .pretends(G.deleteVolumeGroupSnapshot),
        "group-snapshot-delete/members": .pretends(G.deleteVolumeGroupSnapshot),
    ]

    static let metadata: [String: Fault] = [
        "snapshot-metadata/allocated-no-id": .forgives(M.getMetadataAllocated),
        "snapshot-metadata/allocated-unknown": .forgives(M.getMetadataAllocated),
        "snapshot-metadata/allocated-negative-offset": .forgives(M.getMetadataAllocated),
        "snapshot-metadata/allocated-negative-max-results": .forgives(M.getMetadataAllocated),
        "snapshot-metadata/allocated-past-end": .forgives(M.getMetadataAllocated),
        "snapshot-metadata/allocated-blocks": .garbles(M.getMetadataAllocated) { reply, _ in
            reply.blockMetadata.reverse()
        },
        "snapshot-metadata/allocated-max-results": .misreads(M.getMetadataAllocated) { $0.maxResults = 0 },
        "snapshot-metadata/allocated-resumed": .misreads(M.getMetadataAllocated) { $0.startingOffset = 0 },
        "snapshot-metadata/delta-no-base": .forgives(M.getMetadataDelta),
        "snapshot-metadata/delta-no-target": .forgives(M.getMetadataDelta),
        "snapshot-metadata/delta-unknown-base": .forgives(M.getMetadataDelta),
        "snapshot-metadata/delta-unknown-target": .forgives(M.getMetadataDelta),
        "snapshot-metadata/delta-negative-offset": .forgives(M.getMetadataDelta),
        "snapshot-metadata/delta-negative-max-results": .forgives(M.getMetadataDelta),
        "snapshot-metadata/delta-past-end": .forgives(M.getMetadataDelta),
        "snapshot-metadata/delta-other-volumes": .forgives(M.getMetadataDelta),
        "snapshot-metadata/delta-blocks": .garbles(M.getMetadataDelta) { reply, _ in
            reply.blockMetadata += reply.blockMetadata
        },
        "snapshot-metadata/delta-max-results": .misreads(M.getMetadataDelta) { $0.maxResults = 0 },
        "snapshot-metadata/delta-itself": .garbles(M.getMetadataDelta) { reply, _ in
            reply.blockMetadata = [.init(byteOffset: 0, sizeBytes: 4_096)]
        },
    ]

    static let wholes: [String: Fault] = [
        "lifecycle/once": .fails(N.nodeUnpublishVolume, .notFound),
        "lifecycle/every-step-repeated": .fails(N.nodePublishVolume, .alreadyExists, from: 2),
        "lifecycle/undone-twice": .fails(C.deleteVolume, .notFound, from: 2),
        "concurrency/same-volume": .garbles(C.createVolume) { reply, count in reply.volume?.volumeID += "-\(count)" },
        "concurrency/other-volumes": .fails(C.createVolume, .aborted, from: 5),
        "concurrency/conflicting-volumes": .garbles(C.createVolume) { reply, count in
            reply.volume?.volumeID += "-\(count)"
        },
        "concurrency/same-deletion": .fails(C.deleteVolume, .internalError, from: 2),
        "concurrency/same-snapshot": .garbles(C.createSnapshot) { reply, count in
            reply.snapshot?.snapshotID += "-\(count)"
        },
        "concurrency/same-target": .fails(N.nodePublishVolume, .internalError, from: 2),
        "concurrency/two-targets": asMultiWriter,
        "answers/message": .errors { $0.message = "" },
        "answers/no-details": .errors {
            $0.metadata.addBinary([0x08, 0x03, 0x1A, 0x00], for: "grpc-status-details-bin")
        },
        "answers/known-code": .errors { $0.code = .unknown },
        "answers/clean-message": .errors { $0.message = "rpc error: code = NotFound desc = \($0.message)" },
        "answers/not-internal": .errors { $0.code = .internalError },
        "answers/secrets-not-echoed": .garbles(C.createVolume) { reply, _ in
            reply.volume?.volumeContext["token"] = "conformance-secret-7f1c2b"
        },
        "answers/idle-connection": .fails(CSIv1.Identity.probe, .unavailable),
    ]
}
