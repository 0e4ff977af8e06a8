import CSIProto
import CSITransport

extension ConformanceCase {
    private static let taking: [ConformanceNeed] = [.volumes, .snapshots]

    private static let snapshotRefusals = Refusals(
        group: "create-snapshot", method: CSIv1.Controller.createSnapshot, needs: taking,
        request: { $0.snapshotRequest(try await $0.createVolume().volumeID) })

    static let createSnapshot: [ConformanceCase] = [
        snapshotRefusals.row("no-name", "CreateSnapshot without a name", origin: .sanity) { $0.name = "" },
        snapshotRefusals.row("no-source", "CreateSnapshot without a source", origin: .sanity) {
            $0.sourceVolumeID = ""
        },
        snapshotRefusals.row("unknown-source", "a source volume that does not exist", [.notFound]) {
            $0.sourceVolumeID = absentID
        },
        snapshotRefusals.row("name-too-long", "a name of 129 bytes") { $0.name = tooLong },
        snapshotRefusals.row("name-with-controls", "a name with a NUL character") { $0.name += "\u{0}x" },
        snapshotRefusals.row("parameters-too-large", "parameters of more than 4 KiB") { $0.parameters = tooLarge },
        ConformanceCase(
            "create-snapshot/created", "a snapshot has an id, its source, its time, and becomes ready", .sanity,
            needs: taking
        ) {
            let volume = try await $0.createVolume()
            let snapshot = try await $0.createSnapshot($0.snapshotRequest(volume.volumeID))
            try $0.expect("source_volume_id", snapshot.sourceVolumeID, equals: volume.volumeID)
            try $0.expect(
                (snapshot.creationTime?.seconds ?? 0) > 0, "CreateSnapshot", "a creation time", saw: "\(snapshot)")
            try $0.expect(
                snapshot.sizeBytes >= 0, "CreateSnapshot", "a size that is not negative", saw: "\(snapshot.sizeBytes)")
            try $0.expect(
                snapshot.snapshotID.utf8.count <= 128, "CreateSnapshot", "an id of at most 128 bytes",
                saw: snapshot.snapshotID)
        },
        ConformanceCase(
            "create-snapshot/repeated", "the same CreateSnapshot gives the same snapshot", .sanity, needs: taking
        ) {
            let request = $0.snapshotRequest(try await $0.createVolume().volumeID)
            let snapshot = try await $0.createSnapshot(request)
            for _ in 0..<$0.configuration.repeats {
                let again = try await $0.createSnapshot(request)
                try $0.expect("CreateSnapshot again", again.snapshotID, equals: snapshot.snapshotID)
                try $0.expect("creation_time again", again.creationTime, equals: snapshot.creationTime)
            }
        },
        ConformanceCase(
            "create-snapshot/other-source", "the same name for another volume is ALREADY_EXISTS", .sanity, needs: taking
        ) {
            var request = $0.snapshotRequest(try await $0.createVolume().volumeID)
            _ = try await $0.createSnapshot(request)
            request.sourceVolumeID = try await $0.createVolume().volumeID
            try await $0.refuse(CSIv1.Controller.createSnapshot, request, .alreadyExists)
        },
        ConformanceCase(
            "create-snapshot/longest-name", "a name of 128 bytes works, and works again", .sanity, needs: taking
        ) {
            let name = $0.newName()
            let request = $0.snapshotRequest(
                try await $0.createVolume().volumeID, name: name + String(repeating: "x", count: 128 - name.utf8.count))
            let snapshot = try await $0.createSnapshot(request)
            try $0.expect(
                "CreateSnapshot again", try await $0.createSnapshot(request).snapshotID, equals: snapshot.snapshotID)
        },
        ConformanceCase("create-snapshot/two-of-one", "a volume has two snapshots with two ids", needs: taking) {
            let id = try await $0.createVolume().volumeID
            let first = try await $0.createSnapshot($0.snapshotRequest(id)).snapshotID
            let second = try await $0.createSnapshot($0.snapshotRequest(id)).snapshotID
            try $0.expect(first != second, "CreateSnapshot of another name", "another id", saw: second)
        },
    ]

    private static let snapshotDeletions = Refusals(
        group: "delete-snapshot", method: CSIv1.Controller.deleteSnapshot, needs: [.snapshots],
        request: { .init(snapshotID: absentID, secrets: $0.secrets) })

    static let deleteSnapshot: [ConformanceCase] = [
        snapshotDeletions.row("no-id", "DeleteSnapshot without an id", origin: .sanity) { $0.snapshotID = "" },
        ConformanceCase(
            "delete-snapshot/unknown", "DeleteSnapshot of an unknown id succeeds", .sanity, needs: [.snapshots]
        ) {
            try await $0.deleteSnapshot(absentID)
        },
        ConformanceCase("delete-snapshot/deleted", "a deleted snapshot is gone", .sanity, needs: taking) {
            let snapshot = try await $0.createSnapshot($0.snapshotRequest($0.createVolume().volumeID))
            try await $0.deleteSnapshot(snapshot.snapshotID)
            try await $0.refuse(CSIv1.Controller.createVolume, $0.restoreRequest(snapshot.snapshotID), .notFound)
        },
        ConformanceCase("delete-snapshot/repeated", "DeleteSnapshot of a deleted snapshot succeeds", needs: taking) {
            let snapshot = try await $0.createSnapshot($0.snapshotRequest($0.createVolume().volumeID))
            for _ in 0...$0.configuration.repeats { try await $0.deleteSnapshot(snapshot.snapshotID) }
        },
        ConformanceCase("delete-snapshot/name-free", "a name is free again once its snapshot is deleted", needs: taking)
        {
            var request = $0.snapshotRequest(try await $0.createVolume().volumeID)
            try await $0.deleteSnapshot($0.createSnapshot(request).snapshotID)
            request.sourceVolumeID = try await $0.createVolume().volumeID
            _ = try await $0.createSnapshot(request)
        },
        ConformanceCase(
            "delete-snapshot/restored", "deleting a snapshot leaves the volumes made of it, or is FAILED_PRECONDITION",
            needs: taking
        ) {
            let snapshot = try await $0.createSnapshot($0.snapshotRequest($0.createVolume().volumeID))
            let volume = try await $0.createVolume($0.restoreRequest(snapshot.snapshotID))
            try await $0.allow(
                CSIv1.Controller.deleteSnapshot, .init(snapshotID: snapshot.snapshotID, secrets: $0.secrets),
                or: .failedPrecondition)
            try await $0.call(CSIv1.Controller.validateVolumeCapabilities, $0.validateRequest(volume))
        },
    ]

    private static let listing: [ConformanceNeed] = taking + [.controller(.listSnapshots)]

    static let listSnapshots: [ConformanceCase] = [
        ConformanceCase(
            "list-snapshots/invalid-token", "a token that the driver never gave is ABORTED",
            needs: [.controller(.listSnapshots)]
        ) {
            try await $0.refuse(
                CSIv1.Controller.listSnapshots, .init(startingToken: "invalid-token", secrets: $0.secrets), .aborted)
        },
        ConformanceCase(
            "list-snapshots/negative-max-entries", "a negative max_entries is INVALID_ARGUMENT", .knownDefect,
            needs: [.controller(.listSnapshots)]
        ) {
            try await $0.refuse(
                CSIv1.Controller.listSnapshots, .init(maxEntries: -1, secrets: $0.secrets), .invalidArgument)
        },
        ConformanceCase(
            "list-snapshots/complete", "every listed snapshot has an id, a source and a time", .sanity, needs: listing
        ) {
            _ = try await $0.createSnapshot($0.snapshotRequest($0.createVolume().volumeID))
            for snapshot in try await $0.listSnapshots() {
                try $0.expect(
                    !snapshot.snapshotID.isEmpty && !snapshot.sourceVolumeID.isEmpty && snapshot.creationTime != nil,
                    "ListSnapshots", "id, source and time", saw: "\(snapshot)")
            }
        },
        ConformanceCase("list-snapshots/created", "a new snapshot is listed, once", .sanity, needs: listing) {
            let volume = try await $0.createVolume()
            let before = try await $0.listSnapshots().count
            let snapshot = try await $0.createSnapshot($0.snapshotRequest(volume.volumeID))
            let after = try await $0.listSnapshots()
            try $0.expect("the number of snapshots", after.count, equals: before + 1)
            try $0.expect(
                "entries of the new snapshot", after.count { $0.snapshotID == snapshot.snapshotID }, equals: 1)
        },
        ConformanceCase("list-snapshots/deleted", "a deleted snapshot is not listed any more", .sanity, needs: listing)
        {
            let snapshot = try await $0.createSnapshot($0.snapshotRequest($0.createVolume().volumeID))
            try await $0.deleteSnapshot(snapshot.snapshotID)
            try $0.expect(
                "entries of the deleted snapshot",
                try await $0.listSnapshots().count { $0.snapshotID == snapshot.snapshotID }, equals: 0)
        },
        ConformanceCase("list-snapshots/by-id", "a snapshot is found by its id, alone", .sanity, needs: listing) {
            let id = try await $0.createVolume().volumeID
            let snapshot = try await $0.createSnapshot($0.snapshotRequest(id))
            _ = try await $0.createSnapshot($0.snapshotRequest(id))
            try $0.expect(
                "the snapshots of that id",
                try await $0.listSnapshots(.init(snapshotID: snapshot.snapshotID)).map(\.snapshotID),
                equals: [snapshot.snapshotID])
        },
        ConformanceCase("list-snapshots/by-source", "snapshots are found by their source", .sanity, needs: listing) {
            let id = try await $0.createVolume().volumeID
            let snapshot = try await $0.createSnapshot($0.snapshotRequest(id))
            _ = try await $0.createSnapshot($0.snapshotRequest($0.createVolume().volumeID))
            try $0.expect(
                "the snapshots of that source", try await $0.listSnapshots(.init(sourceVolumeID: id)).map(\.snapshotID),
                equals: [snapshot.snapshotID])
        },
        ConformanceCase(
            "list-snapshots/unknown-id", "an unknown snapshot is an empty list", .sanity,
            needs: [.controller(.listSnapshots)]
        ) {
            try $0.expect("ListSnapshots", try await $0.listSnapshots(.init(snapshotID: absentID)), equals: [])
        },
        ConformanceCase(
            "list-snapshots/unknown-source", "an unknown source is an empty list", .sanity,
            needs: [.controller(.listSnapshots)]
        ) {
            try $0.expect("ListSnapshots", try await $0.listSnapshots(.init(sourceVolumeID: absentID)), equals: [])
        },
        ConformanceCase(
            "list-snapshots/pages", "pages of one snapshot hold every snapshot once", .sanity, needs: listing
        ) {
            let id = try await $0.createVolume().volumeID
            var made: Set<String> = []
            for _ in 0..<3 { made.insert(try await $0.createSnapshot($0.snapshotRequest(id)).snapshotID) }
            let ids = try await $0.listSnapshots(.init(maxEntries: 1)).map(\.snapshotID)
            try $0.expect(Set(ids).count == ids.count, "ListSnapshots by pages", "each id once", saw: "\(ids)")
            try $0.expect("new snapshots missing from the pages", made.subtracting(ids), equals: [])
        },
        ConformanceCase(
            "list-snapshots/page-size", "max_entries bounds a page, and next_token leads to the rest", .sanity,
            needs: listing
        ) {
            let id = try await $0.createVolume().volumeID
            for _ in 0..<3 { _ = try await $0.createSnapshot($0.snapshotRequest(id)) }
            let page = try await $0.call(
                CSIv1.Controller.listSnapshots, .init(maxEntries: 2, sourceVolumeID: id, secrets: $0.secrets))
            try $0.expect("entries of a page of two", page.entries.count, equals: 2)
            try $0.expect(!page.nextToken.isEmpty, "ListSnapshots with max_entries 2", "a next_token", saw: "none")
            let rest = try await $0.call(
                CSIv1.Controller.listSnapshots,
                .init(startingToken: page.nextToken, sourceVolumeID: id, secrets: $0.secrets))
            try $0.expect("entries of the rest", rest.entries.count, equals: 1)
            try $0.expect("next_token of the rest", rest.nextToken, equals: "")
        },
    ]

    private static let snapshotReadings = Refusals(
        group: "get-snapshot", method: CSIv1.Controller.getSnapshot, needs: [.snapshots, .controller(.getSnapshot)],
        request: { .init(snapshotID: absentID, secrets: $0.secrets) })

    static let getSnapshot: [ConformanceCase] = [
        snapshotReadings.row("no-id", "GetSnapshot without an id", origin: .sanity) { $0.snapshotID = "" },
        snapshotReadings.row("unknown", "a snapshot that does not exist", [.notFound], origin: .sanity) {
            $0.snapshotID = absentID
        },
        ConformanceCase(
            "get-snapshot/same-snapshot", "a snapshot is as CreateSnapshot described it", .sanity,
            needs: taking + [.controller(.getSnapshot)]
        ) {
            let snapshot = try await $0.createSnapshot($0.snapshotRequest($0.createVolume().volumeID))
            let reply = try await $0.call(
                CSIv1.Controller.getSnapshot, .init(snapshotID: snapshot.snapshotID, secrets: $0.secrets))
            try $0.expect("GetSnapshot", reply.snapshot, equals: snapshot)
        },
    ]
}

extension ConformanceTrial {
    func deleteSnapshot(_ id: String) async throws {
        try await call(CSIv1.Controller.deleteSnapshot, .init(snapshotID: id, secrets: secrets))
    }
}
