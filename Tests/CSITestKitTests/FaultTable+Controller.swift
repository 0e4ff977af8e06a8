import CSIProto
import CSITransport

extension FaultTable {
    static let volumes: [String: Fault] = [
        "create-volume/created": .garbles(C.createVolume) { reply, _ in reply.volume?.capacityBytes = 1 },
        "create-volume/no-range": .fails(C.createVolume, .invalidArgument) { $0.capacityRange == nil },
        "create-volume/limit-kept": .garbles(C.createVolume) { reply, _ in reply.volume?.capacityBytes = 2 << 20 },
        "create-volume/longest-name": .fails(C.createVolume, .invalidArgument) { $0.name.utf8.count > 100 },
        "create-volume/unicode-name": .fails(C.createVolume, .invalidArgument) {
            !$0.name.utf8.allSatisfy { $0 < 0x80 }
        },
        "create-volume/names-distinct": .garbles(C.createVolume) { reply, _ in reply.volume?.volumeID = "volume-1" },
        "create-volume/impossible-size": .fails(C.createVolume) { $0.capacityRange?.requiredBytes == .max },
        "create-volume/secrets": .fails(C.createVolume, .unauthenticated, from: 2),
        "create-volume/mutable-parameters": .fails(C.createVolume) { !$0.mutableParameters.isEmpty },
        "create-volume/unsatisfiable-topology": .misreads(C.createVolume) { $0.accessibilityRequirements = nil },
        "create-volume/topology": .garbles(C.createVolume) { reply, _ in reply.volume?.accessibleTopology = [] },
        "create-volume/both-writers": .fails(C.createVolume, .invalidArgument) {
            $0.volumeCapabilities.contains { $0.accessMode?.mode == .singleNodeMultiWriter }
        },
        "create-volume/repeated": .garbles(C.createVolume) { reply, count in
            reply.volume?.volumeContext["call"] = "\(count)"
        },
        "create-volume/same-name-other-size": .misreads(C.createVolume) {
            $0.capacityRange = .init(requiredBytes: 1 << 20)
        },
        "create-volume/same-name-fitting-size": .fails(C.createVolume, .alreadyExists) {
            $0.capacityRange?.requiredBytes == 1 << 19
        },
        "create-volume/same-name-other-access-type": .misreads(C.createVolume) { request in
            request.volumeCapabilities = request.volumeCapabilities.map {
                .init(accessType: .mount(.init()), accessMode: $0.accessMode)
            }
        },
        "create-volume/same-name-other-parameters": .misreads(C.createVolume) { $0.parameters = ["kind": "fast"] },
        "create-volume/again-after-delete": .fails(C.createVolume, .alreadyExists, from: 2),
        "create-volume/nothing-left-after-refusal": .misreads(C.createVolume) { $0.capacityRange?.limitBytes = 0 },
        "content-source/clone": .garbles(C.createVolume) { reply, _ in reply.volume?.contentSource = nil },
        "content-source/clone-repeated": .fails(C.createVolume, .alreadyExists, from: 3),
        "content-source/clone-other-source": .forgives(C.createVolume),
        "content-source/clone-without-source": .forgives(C.createVolume),
        "content-source/restore": .garbles(C.createVolume) { reply, _ in reply.volume?.contentSource = nil },
        "content-source/restore-repeated": .fails(C.createVolume, .alreadyExists, from: 3),
        "content-source/restore-after-source": .fails(C.deleteVolume, .aborted),
        "content-source/clone-content": forgetsContent,
        "content-source/restore-content": forgetsContent,
        "delete-volume/unknown": .fails(C.deleteVolume, .notFound) { $0.volumeID.hasPrefix("conformance") },
        "delete-volume/deleted": .pretends(C.deleteVolume),
        "delete-volume/repeated": .fails(C.deleteVolume, .notFound, from: 2),
        "delete-volume/long-id": .fails(C.deleteVolume) { $0.volumeID.utf8.count > 128 },
        "delete-volume/traversal": .misreads(C.deleteVolume) { request in
            request.volumeID =
                request.volumeID.split(separator: "/").last { $0 != "." }.map(String.init) ?? request.volumeID
        },
        "delete-volume/attached": .fails(C.deleteVolume, .unknown),
        "delete-volume/published": .fails(N.nodeUnpublishVolume, .notFound),
        "delete-volume/others-stay": .fails(C.validateVolumeCapabilities, .notFound),
        "validate-volume/confirmed": .garbles(C.validateVolumeCapabilities) { reply, _ in reply.confirmed = nil },
        "validate-volume/repeated": .garbles(C.validateVolumeCapabilities) { reply, count in reply.message = "\(count)"
        },
        "validate-volume/both-writers": .garbles(C.validateVolumeCapabilities) { reply, count in
            if count > 1 { reply.confirmed = nil }
        },
        "get-capacity/empty-request": .garbles(C.getCapacity) { reply, _ in reply.availableCapacity = -1 },
        "get-capacity/bounds": .garbles(C.getCapacity) { reply, _ in reply.maximumVolumeSize = .init(value: -1) },
        "get-capacity/with-arguments": .fails(C.getCapacity) { !$0.parameters.isEmpty },
    ]

    private static let forgetsContent = Fault.misreads(C.createVolume) { $0.volumeContentSource = nil }

    static let lists: [String: Fault] = [
        "list-volumes/ids": .garbles(C.listVolumes) { reply, _ in reply.entries += reply.entries },
        "list-volumes/created": .pretends(C.listVolumes),
        "list-volumes/deleted": .pretends(C.deleteVolume),
        "list-volumes/same-volume": .garbles(C.listVolumes) { reply, _ in
            for index in reply.entries.indices { reply.entries[index].volume?.capacityBytes = 7 }
        },
        "list-volumes/pages": .garbles(C.listVolumes) { reply, _ in reply.nextToken = "" },
        "list-volumes/page-size": .misreads(C.listVolumes) { $0.maxEntries = 0 },
        "list-volumes/last-page": .garbles(C.listVolumes) { reply, count in if count > 1 { reply.nextToken = "1" } },
        "list-volumes/token-repeated": .garbles(C.listVolumes) { reply, count in if count > 2 { reply.entries = [] } },
        "list-volumes/published-nodes": .garbles(C.listVolumes) { reply, _ in
            for index in reply.entries.indices { reply.entries[index].status?.publishedNodeIDs = [] }
        },
        "list-volumes/condition": .garbles(C.listVolumes) { reply, _ in
            for index in reply.entries.indices { reply.entries[index].status?.volumeCondition = nil }
        },
        "get-volume/same-volume": .garbles(C.controllerGetVolume) { reply, _ in reply.volume?.capacityBytes = 7 },
        "get-volume/condition": .garbles(C.controllerGetVolume) { reply, _ in reply.status?.volumeCondition = nil },
        "get-volume/published-nodes": .garbles(C.controllerGetVolume) { reply, _ in reply.status?.publishedNodeIDs = []
        },
    ]

    static let attachments: [String: Fault] = [
        "controller-publish/repeated": .garbles(C.controllerPublishVolume) { reply, count in
            reply.publishContext["call"] = "\(count)"
        },
        "controller-publish/other-readonly": .misreads(C.controllerPublishVolume) { $0.readonly = false },
        "controller-publish/context-size": .garbles(C.controllerPublishVolume) { reply, _ in
            reply.publishContext["big"] = String(repeating: "x", count: 5_000)
        },
        "controller-unpublish/never-published": .fails(C.controllerUnpublishVolume, .failedPrecondition),
        "controller-unpublish/deleted": .fails(C.controllerUnpublishVolume, .notFound),
        "controller-unpublish/repeated": .fails(C.controllerUnpublishVolume, .notFound, from: 2),
        "controller-unpublish/all-nodes": .misreads(C.controllerUnpublishVolume) {
            if $0.nodeID.isEmpty { $0.nodeID = "x" }
        },
        "controller-unpublish/other-arguments-after": .pretends(C.controllerUnpublishVolume),
        "controller-publish/second-node": .forgives(C.controllerPublishVolume),
        "controller-publish/other-access-type": .forgives(C.controllerPublishVolume),
        "controller-publish/node-limit": .forgives(C.controllerPublishVolume),
        "controller-expand/expanded": .garbles(C.controllerExpandVolume) { reply, _ in reply.capacityBytes += 1 },
        "controller-expand/repeated": .garbles(C.controllerExpandVolume) { reply, count in
            reply.capacityBytes += Int64(count)
        },
        "controller-expand/never-shrinks": .garbles(C.controllerExpandVolume) { reply, count in
            if count > 1 { reply.capacityBytes = 1 }
        },
        "controller-expand/impossible-size": .fails(C.controllerExpandVolume) {
            $0.capacityRange?.requiredBytes == .max
        },
        "controller-expand/listed": .garbles(C.controllerExpandVolume) { reply, _ in reply.capacityBytes += 1 },
        "controller-expand/published": .fails(C.controllerExpandVolume),
        "controller-expand/then-created": .fails(C.createVolume, .alreadyExists, from: 2),
        "modify-volume/modified": .fails(C.controllerModifyVolume, .alreadyExists, from: 2),
        "modify-volume/created-with": .fails(C.controllerModifyVolume),
        "modify-volume/then-created": .fails(C.createVolume, .alreadyExists, from: 2),
    ]

    static let snapshots: [String: Fault] = [
        "create-snapshot/created": .garbles(C.createSnapshot) { reply, _ in reply.snapshot?.creationTime = nil },
        "create-snapshot/repeated": .garbles(C.createSnapshot) { reply, count in
            reply.snapshot?.creationTime = .init(seconds: Int64(count))
        },
        "create-snapshot/other-source": .forgives(C.createSnapshot),
        "create-snapshot/longest-name": .fails(C.createSnapshot, .invalidArgument) { $0.name.utf8.count > 100 },
        "create-snapshot/two-of-one": .garbles(C.createSnapshot) { reply, _ in reply.snapshot?.snapshotID = "snapshot-1"
        },
        "delete-snapshot/unknown": .fails(C.deleteSnapshot, .notFound),
        "delete-snapshot/deleted": .pretends(C.deleteSnapshot),
        "delete-snapshot/repeated": .fails(C.deleteSnapshot, .notFound, from: 2),
        "delete-snapshot/name-free": .pretends(C.deleteSnapshot),
        "delete-snapshot/restored": .fails(C.validateVolumeCapabilities, .notFound),
        "list-snapshots/complete": .garbles(C.listSnapshots) { reply, _ in
            for index in reply.entries.indices { reply.entries[index].snapshot?.creationTime = nil }
        },
        "list-snapshots/created": .pretends(C.listSnapshots),
        "list-snapshots/deleted": .pretends(C.deleteSnapshot),
        "list-snapshots/by-id": .misreads(C.listSnapshots) { $0.snapshotID = "" },
        "list-snapshots/by-source": .misreads(C.listSnapshots) { $0.sourceVolumeID = "" },
        "list-snapshots/unknown-id": .fails(C.listSnapshots, .notFound) { !$0.snapshotID.isEmpty },
        "list-snapshots/unknown-source": .fails(C.listSnapshots, .notFound) { !$0.sourceVolumeID.isEmpty },
        "list-snapshots/pages": .garbles(C.listSnapshots) { reply, _ in reply.nextToken = "" },
        "list-snapshots/page-size": .misreads(C.listSnapshots) { $0.maxEntries = 0 },
        "get-snapshot/same-snapshot": .garbles(C.getSnapshot) { reply, _ in reply.snapshot?.sizeBytes = 7 },
    ]
}
