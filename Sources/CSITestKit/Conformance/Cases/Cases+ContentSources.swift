import CSIProto
import CSITransport

extension ConformanceCase {
    private static let clones = Refusals(
        group: "content-source", method: CSIv1.Controller.createVolume, needs: [.volumes],
        request: { $0.createRequest() })

    static let contentSources: [ConformanceCase] = [
        clones.row("empty-source", "a content source that is neither snapshot nor volume") {
            $0.volumeContentSource = .init()
        },
        clones.row("no-volume-id", "a source volume without an id", needs: [.controller(.cloneVolume)]) {
            $0.volumeContentSource = .volume("")
        },
        clones.row("no-snapshot-id", "a source snapshot without an id", needs: [.snapshots]) {
            $0.volumeContentSource = .snapshot("")
        },
        clones.row(
            "unknown-volume", "a source volume that does not exist", [.notFound], origin: .sanity,
            needs: [.controller(.cloneVolume)]
        ) { $0.volumeContentSource = .volume(absentID) },
        clones.row(
            "unknown-snapshot", "a source snapshot that does not exist", [.notFound], origin: .sanity,
            needs: [.snapshots]
        ) { $0.volumeContentSource = .snapshot(absentID) },
        clones.row("unsupported-volume", "a source volume without CLONE_VOLUME", needs: [.noController(.cloneVolume)]) {
            $0.volumeContentSource = .volume(absentID)
        },
        clones.row(
            "unsupported-snapshot", "a source snapshot without CREATE_DELETE_SNAPSHOT",
            needs: [.noController(.createDeleteSnapshot)]
        ) { $0.volumeContentSource = .snapshot(absentID) },
        ConformanceCase(
            "content-source/clone", "a clone says what it was made of", .sanity,
            needs: [.volumes, .controller(.cloneVolume)]
        ) {
            let source = try await $0.createVolume()
            let clone = try await $0.createVolume($0.cloneRequest(source.volumeID))
            try $0.expect("content_source", clone.contentSource, equals: .volume(source.volumeID))
            try $0.expect(
                clone.volumeID != source.volumeID, "CreateVolume", "another id than the source's", saw: clone.volumeID)
        },
        ConformanceCase(
            "content-source/clone-repeated", "the same clone again gives the same volume", .knownDefect,
            needs: [.volumes, .controller(.cloneVolume)]
        ) {
            let request = $0.cloneRequest(try await $0.createVolume().volumeID)
            let clone = try await $0.createVolume(request)
            try $0.expect("CreateVolume again", try await $0.createVolume(request).volumeID, equals: clone.volumeID)
        },
        ConformanceCase(
            "content-source/clone-other-source", "the same name with another source volume is ALREADY_EXISTS",
            needs: [.volumes, .controller(.cloneVolume)]
        ) {
            var request = $0.cloneRequest(try await $0.createVolume().volumeID)
            try await $0.createVolume(request)
            request.volumeContentSource = .volume(try await $0.createVolume().volumeID)
            try await $0.refuse(CSIv1.Controller.createVolume, request, .alreadyExists)
        },
        ConformanceCase(
            "content-source/clone-without-source", "the name of a clone without its source is ALREADY_EXISTS",
            needs: [.volumes, .controller(.cloneVolume)]
        ) {
            var request = $0.cloneRequest(try await $0.createVolume().volumeID)
            try await $0.createVolume(request)
            request.volumeContentSource = nil
            try await $0.refuse(CSIv1.Controller.createVolume, request, .alreadyExists)
        },
        ConformanceCase(
            "content-source/restore", "a restored volume says which snapshot it was made of", .sanity,
            needs: [.volumes, .snapshots]
        ) {
            let snapshot = try await $0.createSnapshot($0.snapshotRequest($0.createVolume().volumeID))
            let volume = try await $0.createVolume($0.restoreRequest(snapshot.snapshotID))
            try $0.expect("content_source", volume.contentSource, equals: .snapshot(snapshot.snapshotID))
        },
        ConformanceCase(
            "content-source/restore-repeated", "the same restore again gives the same volume", .knownDefect,
            needs: [.volumes, .snapshots]
        ) {
            let snapshot = try await $0.createSnapshot($0.snapshotRequest($0.createVolume().volumeID))
            let request = $0.restoreRequest(snapshot.snapshotID)
            let volume = try await $0.createVolume(request)
            try $0.expect("CreateVolume again", try await $0.createVolume(request).volumeID, equals: volume.volumeID)
        },
        ConformanceCase(
            "content-source/restore-after-source", "a snapshot outlives its volume, or keeps it",
            needs: [.volumes, .snapshots]
        ) {
            let source = try await $0.createVolume()
            let snapshot = try await $0.createSnapshot($0.snapshotRequest(source.volumeID))
            try await $0.allow(
                CSIv1.Controller.deleteVolume, .init(volumeID: source.volumeID, secrets: $0.secrets),
                or: .failedPrecondition)
            try await $0.createVolume($0.restoreRequest(snapshot.snapshotID))
        },
        ConformanceCase(
            "content-source/clone-content", "a clone holds the data of its source, and its own afterwards",
            needs: [.usableVolumes, .controller(.cloneVolume), .mounts, .paths]
        ) {
            let source = try await $0.prepare()
            let target = try await $0.publish(source)
            try await $0.write("before", in: target)
            let clone = try await $0.prepare($0.createVolume($0.cloneRequest(source.id)))
            try await $0.write("after", in: target)
            try await $0.expectContent("before", in: $0.publish(clone))
        },
        ConformanceCase(
            "content-source/restore-content", "a restored volume holds the data of the snapshot's moment",
            needs: [.usableVolumes, .snapshots, .mounts, .paths]
        ) {
            let source = try await $0.prepare()
            let target = try await $0.publish(source)
            try await $0.write("before", in: target)
            let snapshot = try await $0.createSnapshot($0.snapshotRequest(source.id))
            try await $0.write("after", in: target)
            let restored = try await $0.prepare($0.createVolume($0.restoreRequest(snapshot.snapshotID)))
            try await $0.expectContent("before", in: $0.publish(restored))
        },
    ]
}

extension ConformanceTrial {
    func cloneRequest(_ volumeID: String) -> CSIv1.CreateVolumeRequest {
        var request = createRequest()
        request.volumeContentSource = .volume(volumeID)
        return request
    }

    func restoreRequest(_ snapshotID: String) -> CSIv1.CreateVolumeRequest {
        var request = createRequest()
        request.volumeContentSource = .snapshot(snapshotID)
        return request
    }

    /// Writes into a published volume.
    func write(_ text: String, in request: CSIv1.NodePublishVolumeRequest) async throws {
        guard await site.write(text, to: request.targetPath + "/conformance") else {
            throw ConformanceFinding(
                step: "writing a file at \(request.targetPath)", expected: "success", seen: "an error")
        }
    }

    func expectContent(_ text: String, in request: CSIv1.NodePublishVolumeRequest) async throws {
        let seen = await site.read(request.targetPath + "/conformance") ?? "(no file)"
        try expect("reading the file at \(request.targetPath)", seen, equals: text)
    }
}

extension CSIv1.VolumeContentSource {
    static func volume(_ id: String) -> Self { .init(type: .volume(.init(volumeID: id))) }
    static func snapshot(_ id: String) -> Self { .init(type: .snapshot(.init(snapshotID: id))) }
}
