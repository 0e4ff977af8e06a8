import CSICore
import FoundationEssentials

extension DigitalOceanDriver: SnapshotListing, SnapshotReading {
    func createSnapshot(_ request: CreateSnapshot) async throws(CSIError) -> Snapshot {
        try request.parameters.reader().finish()
        let api = api()
        let name = try APIName(request.name.rawValue).text
        let (found, _) = try await api.findOrMake("snapshot \(name)") { () async throws(CSIError) in
            try await api.snapshots().first { $0.name == name }
        } make: { () async throws(CSIError) in
            guard let volume = try await api.volume(request.source) else { throw .notFound(.volume(request.source)) }
            return try await api.post(
                APISnapshot.self, "/v2/volumes/\(volume.id)/snapshots", APINewSnapshot(name: name))
        }
        guard found.resourceId == request.source.rawValue else {
            throw .alreadyExists(
                .snapshotNamed(request.name), differingIn: "source_volume_id", existing: found.resourceId,
                requested: request.source.rawValue)
        }
        return try snapshot(found)
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
        var all: [Snapshot] = []
        for found in try await api().snapshots() { all.append(try snapshot(found)) }
        return SnapshotPage(of: all, for: request)
    }

    func readSnapshot(_ request: GetSnapshot) async throws(CSIError) -> Snapshot? {
        guard let found = try await api().snapshot(request.id) else { return nil }
        return try snapshot(found)
    }

    private func snapshot(_ found: APISnapshot) throws(CSIError) -> Snapshot {
        Snapshot(
            id: try SnapshotID(found.id), source: try VolumeID(found.resourceId),
            size: found.minDiskSize * Self.gibibyte,
            creationTime: Timestamp(seconds: Int64(found.createdAt.timeIntervalSince1970)), isReady: true)
    }
}
