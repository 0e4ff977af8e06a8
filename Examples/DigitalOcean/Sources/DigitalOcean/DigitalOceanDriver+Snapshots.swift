import CSICore
import FoundationEssentials

extension DigitalOceanDriver: SnapshotListing, SnapshotReading {
    func createSnapshot(_ request: CreateSnapshot) async throws(CSIError) -> Snapshot {
        try request.parameters.reader().finish()
        let api = api()
        let name = APIName(request.name).text
        var backoff = api.backoff()
        while true {
            if let existing = try await api.snapshots().first(where: { $0.name == name }) {
                guard existing.resourceId == request.source.rawValue else {
                    throw .alreadyExists(
                        .snapshotNamed(request.name), differingIn: "source_volume_id", existing: existing.resourceId,
                        requested: request.source.rawValue)
                }
                return try snapshot(existing)
            }
            guard let volume = try await api.volume(request.source) else { throw .notFound(.volume(request.source)) }
            let reason: String
            switch try await api.post(
                APISnapshotReply.self, "/v2/volumes/\(volume.id)/snapshots", APINewSnapshot(name: name))
            {
            case .done(let reply): return try snapshot(reply.snapshot)
            case .refused(let refusal) where refusal.isOutdated || refusal.isPending: reason = refusal.message
            case .refused(let refusal): throw refusal.error
            case .lost(let detail): reason = detail
            }
            guard await backoff.pause() else {
                throw .unavailable("snapshot \(name) may or may not have been taken: \(reason)")
            }
        }
    }

    func deleteSnapshot(_ request: DeleteSnapshot) async throws(CSIError) {
        guard let path = APISession.path("snapshots", request.id.rawValue) else { return }
        if let refusal = try await api().remove(path) { throw refusal.error }
    }

    func restore(_ request: CreateVolume, from id: SnapshotID) async throws(CSIError) -> Volume {
        try await make(request) { (api) async throws(CSIError) in
            guard let snapshot = try await api.snapshot(id) else { throw .notFound(.snapshot(id)) }
            return snapshot
        }
    }

    func listSnapshots(_ request: ListSnapshots) async throws(CSIError) -> SnapshotPage {
        let all = try await matching(request).filter { $0.id > request.after ?? "" }.sorted { $0.id < $1.id }
        let page = all.prefix(min(request.maximumEntries ?? 1000, 1000))
        var snapshots: [Snapshot] = []
        for found in page { snapshots.append(try snapshot(found)) }
        return SnapshotPage(snapshots: snapshots, next: page.count < all.count ? page.last?.id : nil)
    }

    func readSnapshot(_ request: GetSnapshot) async throws(CSIError) -> Snapshot? {
        guard let found = try await api().snapshot(request.id) else { return nil }
        return try snapshot(found)
    }

    private func matching(_ request: ListSnapshots) async throws(CSIError) -> [APISnapshot] {
        guard let id = request.id else {
            return try await api().snapshots().filter {
                request.source == nil || $0.resourceId == request.source?.rawValue
            }
        }
        return try await api().snapshot(id).map { [$0] } ?? []
    }

    private func snapshot(_ found: APISnapshot) throws(CSIError) -> Snapshot {
        Snapshot(
            id: try SnapshotID(found.id), source: try VolumeID(found.resourceId),
            size: found.minDiskSize * Self.gibibyte,
            creationTime: Timestamp(seconds: Int64(found.createdAt.timeIntervalSince1970)), isReady: true)
    }
}
