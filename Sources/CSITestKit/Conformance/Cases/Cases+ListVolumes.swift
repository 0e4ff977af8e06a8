import CSIProto
import CSITransport

extension ConformanceCase {
    private static let lists: [ConformanceNeed] = [.volumes, .controller(.listVolumes)]

    static let listVolumes: [ConformanceCase] = [
        ConformanceCase(
            "list-volumes/invalid-token", "a token that the driver never gave is ABORTED", .sanity,
            needs: [.controller(.listVolumes)]
        ) {
            try await $0.refuse(CSIv1.Controller.listVolumes, .init(startingToken: "invalid-token"), .aborted)
        },
        ConformanceCase(
            "list-volumes/negative-max-entries", "a negative max_entries is INVALID_ARGUMENT", .knownDefect,
            needs: [.controller(.listVolumes)]
        ) {
            try await $0.refuse(CSIv1.Controller.listVolumes, .init(maxEntries: -1), .invalidArgument)
        },
        ConformanceCase("list-volumes/ids", "every listed volume has an id, and each once", .sanity, needs: lists) {
            try await $0.createVolume()
            let ids = try await $0.listVolumes().map(\.volumeID)
            try $0.expect(!ids.contains(""), "ListVolumes", "no empty id", saw: "\(ids)")
            try $0.expect(Set(ids).count == ids.count, "ListVolumes", "each id once", saw: "\(ids)")
        },
        ConformanceCase("list-volumes/created", "a new volume is listed, once", .sanity, needs: lists) {
            let before = try await $0.listVolumes().count
            let volume = try await $0.createVolume()
            let after = try await $0.listVolumes()
            try $0.expect("the number of volumes", after.count, equals: before + 1)
            try $0.expect("entries of the new volume", after.count { $0.volumeID == volume.volumeID }, equals: 1)
        },
        ConformanceCase("list-volumes/deleted", "a deleted volume is not listed any more", .sanity, needs: lists) {
            let volume = try await $0.createVolume()
            try await $0.deleteVolume(volume.volumeID)
            try $0.expect(
                "entries of the deleted volume", try await $0.listVolumes().count { $0.volumeID == volume.volumeID },
                equals: 0)
        },
        ConformanceCase("list-volumes/same-volume", "a listed volume is as CreateVolume described it", needs: lists) {
            let volume = try await $0.createVolume()
            let listed = try await $0.listVolumes().first { $0.volumeID == volume.volumeID }
            try $0.expect("the listed capacity", listed?.capacityBytes, equals: volume.capacityBytes)
            try $0.expect("the listed content source", listed?.contentSource, equals: volume.contentSource)
        },
        ConformanceCase("list-volumes/pages", "pages of one volume hold every volume once", needs: lists) {
            var made: Set<String> = []
            for _ in 0..<3 { made.insert(try await $0.createVolume().volumeID) }
            let ids = try await $0.listVolumes(pageSize: 1).map(\.volumeID)
            try $0.expect(Set(ids).count == ids.count, "ListVolumes by pages", "each id once", saw: "\(ids)")
            try $0.expect("new volumes missing from the pages", made.subtracting(ids), equals: [])
        },
        ConformanceCase(
            "list-volumes/page-size", "max_entries bounds a page, and next_token says that there is more", needs: lists
        ) {
            for _ in 0..<3 { try await $0.createVolume() }
            let page = try await $0.call(CSIv1.Controller.listVolumes, .init(maxEntries: 2))
            try $0.expect("entries of a page of two", page.entries.count, equals: 2)
            try $0.expect(!page.nextToken.isEmpty, "ListVolumes with max_entries 2", "a next_token", saw: "none")
        },
        ConformanceCase("list-volumes/last-page", "a page that holds all volumes has no next_token", needs: lists) {
            try await $0.createVolume()
            let count = try await $0.listVolumes().count
            let page = try await $0.call(CSIv1.Controller.listVolumes, .init(maxEntries: Int32(clamping: count + 10)))
            try $0.expect("next_token", page.nextToken, equals: "")
        },
        ConformanceCase("list-volumes/token-repeated", "a token leads to the same page again", needs: lists) {
            for _ in 0..<3 { try await $0.createVolume() }
            let token = try await $0.call(CSIv1.Controller.listVolumes, .init(maxEntries: 1)).nextToken
            let first = try await $0.call(CSIv1.Controller.listVolumes, .init(maxEntries: 1, startingToken: token))
            let again = try await $0.call(CSIv1.Controller.listVolumes, .init(maxEntries: 1, startingToken: token))
            try $0.expect(
                "the page again", again.entries.map { $0.volume?.volumeID },
                equals: first.entries.map { $0.volume?.volumeID })
        },
        ConformanceCase(
            "list-volumes/published-nodes", "an attached volume lists its node, and no node afterwards",
            needs: lists + [
                .nodeService, .controller(.publishUnpublishVolume), .controller(.listVolumesPublishedNodes),
            ]
        ) {
            let prepared = PreparedVolume(volume: try await $0.createVolume(), capability: $0.capability)
            try await $0.call(CSIv1.Controller.controllerPublishVolume, $0.attachRequest(prepared))
            let nodeID = $0.subject.nodeInfo.nodeID
            try $0.expect("published_node_ids", try await $0.publishedNodes(of: prepared.id), equals: [nodeID])
            try await $0.call(
                CSIv1.Controller.controllerUnpublishVolume,
                .init(volumeID: prepared.id, nodeID: nodeID, secrets: $0.secrets))
            try $0.expect("published_node_ids", try await $0.publishedNodes(of: prepared.id), equals: [])
        },
        ConformanceCase(
            "list-volumes/condition", "with VOLUME_CONDITION, every volume has one, with a message", .sidecars,
            needs: lists + [.controller(.volumeCondition)]
        ) {
            try await $0.createVolume()
            for entry in try await $0.listVolumeEntries() {
                try $0.expect(
                    entry.status?.volumeCondition?.message.isEmpty == false, "ListVolumes",
                    "a condition with a message", saw: "\(entry)")
            }
        },
    ]

    private static let readings = Refusals(
        group: "get-volume", method: CSIv1.Controller.controllerGetVolume, needs: [.volumes, .controller(.getVolume)],
        request: { .init(volumeID: try await $0.createVolume().volumeID) })

    static let getVolume: [ConformanceCase] = [
        readings.row("no-id", "ControllerGetVolume without an id") { $0.volumeID = "" },
        readings.row("unknown", "a volume that does not exist", [.notFound]) { $0.volumeID = absentID },
        ConformanceCase(
            "get-volume/same-volume", "a volume is as CreateVolume described it",
            needs: [.volumes, .controller(.getVolume)]
        ) {
            let volume = try await $0.createVolume()
            let reply = try await $0.call(CSIv1.Controller.controllerGetVolume, .init(volumeID: volume.volumeID))
            try $0.expect("the volume's id", reply.volume?.volumeID, equals: volume.volumeID)
            try $0.expect("the volume's capacity", reply.volume?.capacityBytes, equals: volume.capacityBytes)
        },
        ConformanceCase(
            "get-volume/condition", "with VOLUME_CONDITION, a volume has one, with a message",
            needs: [.volumes, .controller(.getVolume), .controller(.volumeCondition)]
        ) {
            let reply = try await $0.call(
                CSIv1.Controller.controllerGetVolume, .init(volumeID: try await $0.createVolume().volumeID))
            try $0.expect(
                reply.status?.volumeCondition?.message.isEmpty == false, "ControllerGetVolume",
                "a condition with a message", saw: "\(reply)")
        },
        ConformanceCase(
            "get-volume/published-nodes", "an attached volume names its node",
            needs: [
                .usableVolumes, .controller(.getVolume), .controller(.publishUnpublishVolume),
                .controller(.listVolumesPublishedNodes),
            ]
        ) {
            let prepared = PreparedVolume(volume: try await $0.createVolume(), capability: $0.capability)
            try await $0.call(CSIv1.Controller.controllerPublishVolume, $0.attachRequest(prepared))
            let reply = try await $0.call(CSIv1.Controller.controllerGetVolume, .init(volumeID: prepared.id))
            try $0.expect(
                "published_node_ids", reply.status?.publishedNodeIDs ?? [], equals: [$0.subject.nodeInfo.nodeID])
        },
    ]
}

extension ConformanceTrial {
    fileprivate func publishedNodes(of id: String) async throws -> [String] {
        try await listVolumeEntries().first { $0.volume?.volumeID == id }?.status?.publishedNodeIDs ?? []
    }
}
