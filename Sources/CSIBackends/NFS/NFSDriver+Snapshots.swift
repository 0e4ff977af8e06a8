public import CSICore
import CSIHost
import CSIProto
import SystemPackage

extension NFSDriver: SnapshotListing, SnapshotReading {
    /// Copies the volume's directory; what takes long goes on after the answer that it is not ready.
    public func createSnapshot(_ request: CreateSnapshot) async throws(CSIError) -> Snapshot {
        guard let source = handle(request.source) else { throw .notFound(.volume(request.source)) }
        let (handle, options) = try snapshotPlan(request, of: source)
        let id = try SnapshotID(handle.description, field: "the handle of the snapshot")
        if let running = snapshotJobs.record(id) {
            try request.fingerprint.requireMatch(running.fingerprint, of: .snapshotNamed(request.name))
            return try Self.answer(running, await snapshotJobs.wait(id, until: snapshotWait))
        }
        let busy = try places.share(source.location)
        let share = try await open(handle.share, options, request.secrets, for: "\(handle.share) \(handle.name)")
        if let existing = try await share.snapshotRecord(handle.name) {
            try request.fingerprint.requireMatch(existing.fingerprint, of: .snapshotNamed(request.name))
            return existing.snapshot(isReady: true)
        }
        let origin =
            source.share == share.location
            ? share
            : try await open(source.share, source.mountOptions, request.secrets, for: source.location.description)
        guard try await isDirectory(source.directory.path, on: origin) else { throw .notFound(.volume(request.source)) }
        let volume = try await origin.record(of: source.directory)
        let now = host.clock.wallTime
        let record = NFSSnapshotRecord(
            id: id, name: request.name, source: request.source, size: volume?.capacity ?? 0,
            // A clock that was never set must not make a time that callers take for none.
            created: Timestamp(seconds: max(1, now.seconds), nanoseconds: now.nanoseconds),
            fingerprint: request.fingerprint)
        let outcome = await snapshotJobs.run(record, until: snapshotWait) { () async throws(CSIError) in
            defer { busy.release() }
            try await take(record, named: handle.name, of: .volume(request.source, source), on: share)
        }
        return try Self.answer(record, outcome)
    }

    /// Where a snapshot of a volume is to be, by the parameters of its class.
    private func snapshotPlan(
        _ request: CreateSnapshot, of source: VolumeHandle
    ) throws(CSIError) -> (SnapshotHandle, NFSMountOptions?) {
        let parameters = try ClassParameters(request.parameters.map, .snapshotClass, field: "parameters")
        let server = parameters.server ?? source.share.server
        let location = try ClassParameters.location(
            server: server, share: parameters.share ?? source.share.path.string, field: "parameters")
        let options = parameters.mountOptions ?? (location == source.share ? source.mountOptions : nil)
        let name: SubDirectory
        let text = request.name.rawValue
        let digest = SnapshotID(derivedFrom: request.name).rawValue
        do throws(SubDirectory.Refusal) {
            let plain = try? SubDirectory(text)
            let isPlain = plain?.names == [text] && text.utf8.count <= VolumeHandle.longestName
            name = try SubDirectory(isPlain ? text : digest)
        } catch {
            throw .invalid("name", error.reason)
        }
        let handle = SnapshotHandle(
            server: server, share: location, name: name, volume: source.nameForSnapshots,
            mountOptions: options?.forDriver ?? NFSMountOptions())
        return (handle, options)
    }

    /// Ends when a caller has waited long enough.
    private var snapshotWait: @Sendable () async -> Void {
        let (clock, wait) = (host.clock, configuration.snapshotWait)
        return { _ = try? await clock.sleep(for: wait) }
    }

    private static func answer(
        _ record: NFSSnapshotRecord, _ outcome: SnapshotJobs.Outcome?
    ) throws(CSIError) -> Snapshot {
        switch outcome {
        case .success(let record): return record.snapshot(isReady: true)
        case .failure(let error): throw error
        // It runs; or it has ended just now, and the next call finds what it came to.
        case nil: return record.snapshot(isReady: false)
        }
    }

    /// Copies to a name of its own and renames the copy when it is complete and durable.
    private func take(
        _ record: NFSSnapshotRecord, named name: SubDirectory, of source: ContentOrigin, on share: Share
    ) async throws(CSIError) {
        let place = ShareLayout.making.appending("\(ShareLayout.fileName(name)).snapshot")
        do throws(CSIError) {
            try await withNFSErrors { () async throws(HostError) in try await share.tree.removeTree(place) }
            try await share.inOwnDirectory(ShareLayout.making) { () async throws(HostError) in
                try await share.tree.createDirectory(place, permissions: FilePermissions(rawValue: 0o700))
            }
            try await copy(source, to: place.appending("data"), on: share)
            try await withNFSErrors { () async throws(HostError) in
                try await share.tree.writeFileDurably(
                    place.appending("snapshot"), record.bytes, permissions: FilePermissions(rawValue: 0o600),
                    replacing: true)
            }
            try await share.inOwnDirectory(ShareLayout.snapshots) { () async throws(HostError) in
                try await share.tree.renameDurably(from: place, to: ShareLayout.snapshot(name))
            }
        } catch {
            if !error.mayStillRun {
                try? await withNFSErrors { () async throws(HostError) in try await share.tree.removeTree(place) }
            }
            throw error
        }
    }

    /// Removes a snapshot of this driver, or an archive of csi-driver-nfs with its directory.
    public func deleteSnapshot(_ request: DeleteSnapshot) async throws(CSIError) {
        guard let handle = SnapshotHandle(request.id.rawValue) else { return }
        guard !snapshotJobs.isRunning(request.id) else {
            throw .pendingElsewhere("snapshot \"\(request.id)\" is being copied; delete it when it is ready")
        }
        let share = try await open(
            handle.share, handle.mountOptions, request.secrets, for: "\(handle.share) \(handle.name)")
        let trash = "snapshot.\(ShareLayout.fileName(handle.name))"
        if let record = try await share.snapshotRecord(handle.name) {
            guard record.id == request.id else { return }
            try await share.discard(ShareLayout.snapshot(handle.name), as: trash)
        } else if let archive = try await archive(of: handle, on: share) {
            try await remove(archive, of: handle, on: share)
        }
        try await sweep(share, trash)
    }

    /// Removes an archive of csi-driver-nfs.
    ///
    /// Its directory lies among the volumes: what holds anything else is not touched.
    private func remove(_ archive: FilePath, of handle: SnapshotHandle, on share: Share) async throws(CSIError) {
        let path = handle.name.path
        let isVolume = try await share.record(of: handle.name) != nil
        let entries = try await withNFSErrors { () async throws(HostError) in
            try await share.tree.list(path, limit: 100_000)
        }
        guard !isVolume, entries.map(\.name) == [archive.lastComponent].compactMap({ $0 }) else {
            throw .preconditionFailed(
                "\(share.location.appending(path)) holds more than the archive of the snapshot; look at it, and remove it if it "
                    + "may go")
        }
        try await withNFSErrors { () async throws(HostError) in
            try await share.tree.removeFile(archive)
            try await share.tree.removeDirectory(path)
        }
    }

    /// The snapshots with a record on the shares that this process knows.
    public func listSnapshots(_ request: ListSnapshots) async throws(CSIError) -> SnapshotPage {
        if let id = request.id {
            let found = try await existingSnapshot(id, Secrets())
            let matching = [found].compactMap { $0 }.filter { request.source ?? $0.source == $0.source }
            return SnapshotPage(snapshots: matching, next: nil)
        }
        let limit = min(request.maximumEntries ?? Self.pageLimit, Self.pageLimit)
        let start = request.after.flatMap(ListPosition.init)
        var snapshots: [Snapshot] = []
        var last: ListPosition?
        for entry in shares.all {
            let name = entry.location.description
            if let start, name < start.share { continue }
            let share = try await open(entry.location, entry.options, for: "list \(name)")
            var files = try await share.names(in: ShareLayout.snapshots)
            if let start, start.share == name { files.removeAll { $0 <= start.file } }
            for file in files {
                let path = ShareLayout.snapshots.appending(file).appending("snapshot")
                guard let bytes = try await share.read(path), let record = try? NFSSnapshotRecord(parsing: bytes),
                    request.source ?? record.source == record.source
                else { continue }
                guard snapshots.count < limit else {
                    return SnapshotPage(snapshots: snapshots, next: last?.description)
                }
                snapshots.append(record.snapshot(isReady: true))
                last = ListPosition(share: name, file: file)
            }
        }
        return SnapshotPage(snapshots: snapshots, next: nil)
    }

    /// The snapshot of this id; of an archive of csi-driver-nfs nobody knows which volume it was taken of.
    public func readSnapshot(_ request: GetSnapshot) async throws(CSIError) -> Snapshot? {
        try await existingSnapshot(request.id, request.secrets)
    }

    private func existingSnapshot(_ id: SnapshotID, _ secrets: Secrets) async throws(CSIError) -> Snapshot? {
        if let running = snapshotJobs.record(id) { return running.snapshot(isReady: false) }
        guard let handle = SnapshotHandle(id.rawValue) else { return nil }
        let share = try await open(
            handle.share, handle.mountOptions, secrets, for: "read \(handle.share) \(handle.name)")
        guard let record = try await share.snapshotRecord(handle.name), record.id == id else { return nil }
        return record.snapshot(isReady: true)
    }
}
