import CSIProto
import CSITransport

extension ConformanceCase {
    private static let grouping: [ConformanceNeed] = [.volumes, .groups]

    private static let creations = Refusals(
        group: "group-snapshot", method: CSIv1.GroupController.createVolumeGroupSnapshot, needs: grouping,
        request: { try await $0.groupRequest() })

    private static let readings = Refusals(
        group: "group-snapshot-get", method: CSIv1.GroupController.getVolumeGroupSnapshot, needs: grouping,
        request: { try await $0.getRequest($0.createGroup($0.groupRequest())) })

    private static let deletions = Refusals(
        group: "group-snapshot-delete", method: CSIv1.GroupController.deleteVolumeGroupSnapshot, needs: grouping,
        request: { try await $0.deleteRequest($0.createGroup($0.groupRequest())) })

    static let groupSnapshots: [ConformanceCase] = [
        creations.row("no-name", "CreateVolumeGroupSnapshot without a name", origin: .sanity) { $0.name = "" },
        creations.row("no-sources", "CreateVolumeGroupSnapshot without volumes") { $0.sourceVolumeIDs = [] },
        creations.row("empty-source", "a source volume without an id") { $0.sourceVolumeIDs += [""] },
        creations.row("unknown-source", "a source volume that does not exist", [.notFound]) {
            $0.sourceVolumeIDs += [absentID]
        },
        creations.row("name-too-long", "a name of 129 bytes") { $0.name = tooLong },
        creations.row("parameters-too-large", "parameters of more than 4 KiB") { $0.parameters = tooLarge },
        ConformanceCase(
            "group-snapshot/created", "a group snapshot has a snapshot of every volume, all with its id",
            needs: grouping
        ) {
            let request = try await $0.groupRequest()
            let group = try await $0.createGroup(request)
            try $0.expect(
                "the sources", group.snapshots.map(\.sourceVolumeID).sorted(), equals: request.sourceVolumeIDs.sorted())
            try $0.expect(
                "the group ids of the snapshots", Set(group.snapshots.map(\.groupSnapshotID)),
                equals: [group.groupSnapshotID])
            try $0.expect(
                Set(group.snapshots.map(\.snapshotID)).subtracting([""]).count == group.snapshots.count,
                "CreateVolumeGroupSnapshot", "an id of its own for every snapshot", saw: "\(group)")
            try $0.expect(
                (group.creationTime?.seconds ?? 0) > 0, "CreateVolumeGroupSnapshot", "a creation time",
                saw: "\(group)")
        },
        ConformanceCase(
            "group-snapshot/repeated", "the same CreateVolumeGroupSnapshot gives the same group snapshot",
            needs: grouping
        ) {
            let request = try await $0.groupRequest()
            let group = try await $0.createGroup(request)
            let again = try await $0.createGroup(request)
            try $0.expect("the id again", again.groupSnapshotID, equals: group.groupSnapshotID)
            try $0.expect(
                "the snapshots again", Set(again.snapshots.map(\.snapshotID)),
                equals: Set(group.snapshots.map(\.snapshotID)))
        },
        ConformanceCase(
            "group-snapshot/other-sources", "the same name for other volumes is ALREADY_EXISTS", needs: grouping
        ) {
            var request = try await $0.groupRequest()
            _ = try await $0.createGroup(request)
            request.sourceVolumeIDs = [try await $0.createVolume().volumeID]
            try await $0.refuse(CSIv1.GroupController.createVolumeGroupSnapshot, request, .alreadyExists)
        },
        ConformanceCase(
            "group-snapshot/member-deletion", "a member of a group snapshot is not deleted on its own",
            needs: grouping + [.snapshots]
        ) {
            let group = try await $0.createGroup($0.groupRequest())
            try await $0.refuse(
                CSIv1.Controller.deleteSnapshot,
                .init(snapshotID: group.snapshots.first?.snapshotID ?? "", secrets: $0.secrets), .invalidArgument)
        },
        ConformanceCase(
            "group-snapshot/members-listed", "the members of a group snapshot are listed with its id",
            needs: grouping + [.controller(.listSnapshots)]
        ) {
            let group = try await $0.createGroup($0.groupRequest())
            for member in group.snapshots {
                let listed = try await $0.listSnapshots(.init(snapshotID: member.snapshotID))
                try $0.expect(
                    "group_snapshot_id of the listed snapshot", listed.map(\.groupSnapshotID),
                    equals: [group.groupSnapshotID])
            }
        },
        ConformanceCase(
            "group-snapshot/restore", "a volume is restored from a member of a group snapshot",
            needs: grouping + [.snapshots]
        ) {
            let group = try await $0.createGroup($0.groupRequest())
            let id = group.snapshots.first?.snapshotID ?? ""
            try $0.expect(
                "content_source", try await $0.createVolume($0.restoreRequest(id)).contentSource, equals: .snapshot(id))
        },
        readings.row("no-id", "GetVolumeGroupSnapshot without an id", origin: .sanity) { $0.groupSnapshotID = "" },
        readings.row("unknown", "a group snapshot that does not exist", [.notFound], origin: .sanity) {
            $0.groupSnapshotID = absentID
        },
        readings.row("other-members", "members that are not those of the group snapshot") {
            $0.snapshotIDs = [absentID]
        },
        ConformanceCase(
            "group-snapshot-get/same-group", "a group snapshot is as CreateVolumeGroupSnapshot described it",
            needs: grouping
        ) {
            let group = try await $0.createGroup($0.groupRequest())
            let reply = try await $0.call(CSIv1.GroupController.getVolumeGroupSnapshot, $0.getRequest(group))
            try $0.expect("the id", reply.groupSnapshot?.groupSnapshotID, equals: group.groupSnapshotID)
            try $0.expect(
                "the snapshots", Set(reply.groupSnapshot?.snapshots.map(\.snapshotID) ?? []),
                equals: Set(group.snapshots.map(\.snapshotID)))
        },
        deletions.row("no-id", "DeleteVolumeGroupSnapshot without an id", origin: .sanity) { $0.groupSnapshotID = "" },
        deletions.row("other-members", "members that are not those of the group snapshot") {
            $0.snapshotIDs = [absentID]
        },
        ConformanceCase(
            "group-snapshot-delete/unknown", "DeleteVolumeGroupSnapshot of an unknown id succeeds", .sanity,
            needs: [.groups]
        ) {
            try await $0.call(
                CSIv1.GroupController.deleteVolumeGroupSnapshot, .init(groupSnapshotID: absentID, secrets: $0.secrets))
        },
        ConformanceCase(
            "group-snapshot-delete/deleted", "a deleted group snapshot is gone, and deleting it again succeeds",
            needs: grouping
        ) {
            let group = try await $0.createGroup($0.groupRequest())
            for _ in 0..<2 {
                try await $0.call(CSIv1.GroupController.deleteVolumeGroupSnapshot, $0.deleteRequest(group))
            }
            try await $0.refuse(CSIv1.GroupController.getVolumeGroupSnapshot, $0.getRequest(group), .notFound)
        },
        ConformanceCase(
            "group-snapshot-delete/members", "the members go with their group snapshot",
            needs: grouping + [.controller(.listSnapshots)]
        ) {
            let group = try await $0.createGroup($0.groupRequest())
            try await $0.call(CSIv1.GroupController.deleteVolumeGroupSnapshot, $0.deleteRequest(group))
            for member in group.snapshots {
                try $0.expect(
                    "ListSnapshots of a member", try await $0.listSnapshots(.init(snapshotID: member.snapshotID)),
                    equals: [])
            }
        },
    ]
}

extension ConformanceTrial {
    /// A request for a group snapshot of two new volumes.
    fileprivate func groupRequest() async throws -> CSIv1.CreateVolumeGroupSnapshotRequest {
        let sources = [try await createVolume().volumeID, try await createVolume().volumeID]
        return .init(
            name: newName(), sourceVolumeIDs: sources, secrets: secrets, parameters: configuration.snapshotParameters)
    }

    fileprivate func getRequest(_ group: CSIv1.VolumeGroupSnapshot) -> CSIv1.GetVolumeGroupSnapshotRequest {
        .init(groupSnapshotID: group.groupSnapshotID, snapshotIDs: group.snapshots.map(\.snapshotID), secrets: secrets)
    }

    fileprivate func deleteRequest(_ group: CSIv1.VolumeGroupSnapshot) -> CSIv1.DeleteVolumeGroupSnapshotRequest {
        .init(groupSnapshotID: group.groupSnapshotID, snapshotIDs: group.snapshots.map(\.snapshotID), secrets: secrets)
    }
}
