import CSICore

extension APISession {
    /// The volume of an id; nil when there is none, or when the id cannot be one of this cloud.
    func volume(_ id: VolumeID) async throws(CSIError) -> APIVolume? {
        guard let path = Self.path("volumes", id.rawValue) else { return nil }
        return try await find(APIVolumeReply.self, path)?.volume
    }

    func volume(named name: String, in region: String) async throws(CSIError) -> APIVolume? {
        try await list(APIVolumes.self, "/v2/volumes?name=\(name)&region=\(region)").first { $0.name == name }
    }

    func volumes(in region: String) async throws(CSIError) -> [APIVolume] {
        try await list(APIVolumes.self, "/v2/volumes?region=\(region)")
    }

    func snapshot(_ id: SnapshotID) async throws(CSIError) -> APISnapshot? {
        guard let path = Self.path("snapshots", id.rawValue) else { return nil }
        return try await find(APISnapshotReply.self, path)?.snapshot
    }

    func snapshots() async throws(CSIError) -> [APISnapshot] {
        try await list(APISnapshots.self, "/v2/snapshots?resource_type=volume")
    }

    func droplet(_ id: Int) async throws(CSIError) -> APIDroplet? {
        try await find(APIDropletReply.self, "/v2/droplets/\(id)")?.droplet
    }

    /// Begins an action on a volume.
    func begin(_ action: APINewAction, on volume: APIVolume) async throws(CSIError) -> Outcome<APIAction> {
        switch try await post(APIActionReply.self, "/v2/volumes/\(volume.id)/actions", action) {
        case .done(let reply): .done(reply.action)
        case .refused(let refusal): .refused(refusal)
        case .lost(let reason): .lost(reason)
        }
    }

    /// Waits for an action to end.
    /// - Returns: Whether it did what it should.
    /// - Throws: ABORTED when time is up first; the action goes on, and a repeated call finds it.
    func hasCompleted(_ action: APIAction, on volume: APIVolume) async throws(CSIError) -> Bool {
        var action = action
        var backoff = backoff()
        while action.status == "in-progress" {
            guard await backoff.pause() else {
                throw .pendingElsewhere(
                    "action \(action.id) (\(action.type)) of volume \(volume.id) is still in progress")
            }
            let reply = try await find(APIActionReply.self, "/v2/volumes/\(volume.id)/actions/\(action.id)")
            guard let reply else { return false }
            action = reply.action
        }
        return action.status == "completed"
    }

    /// The path of a thing, nil for an id that no thing of this cloud has: ids are UUIDs, and what a caller made up must not
    /// become another path.
    static func path(_ collection: String, _ id: String) -> String? {
        let isPlain =
            id.utf8.count == 36
            && id.utf8.allSatisfy { $0 == 0x2D || (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
        return isPlain ? "/v2/\(collection)/\(id)" : nil
    }
}
