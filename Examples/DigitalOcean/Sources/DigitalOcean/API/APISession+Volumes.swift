import CSICore

extension APISession {
    /// The volume of an id; nil when there is none, or when the id cannot be one of this cloud.
    func volume(_ id: VolumeID) async throws(CSIError) -> APIVolume? {
        guard let path = Self.path("volumes", id.rawValue) else { return nil }
        return try await find(APIVolume.self, path)
    }

    /// The volumes of a region, or the one of a name.
    func volumes(in region: String, named name: String? = nil) async throws(CSIError) -> [APIVolume] {
        let pages = try await pages("/v2/volumes?region=\(region)" + (name.map { "&name=\($0)" } ?? ""))
        return pages.flatMap { $0.volumes ?? [] }.filter { name == nil || $0.name == name }
    }

    func snapshot(_ id: SnapshotID) async throws(CSIError) -> APISnapshot? {
        guard let path = Self.path("snapshots", id.rawValue) else { return nil }
        return try await find(APISnapshot.self, path)
    }

    func snapshots() async throws(CSIError) -> [APISnapshot] {
        try await pages("/v2/snapshots?resource_type=volume").flatMap { $0.snapshots ?? [] }
    }

    /// Looks for a thing, and makes it where there is none, until one of them has worked.
    ///
    /// An answer that was lost is found by the next look, so nothing is made twice.
    func findOrMake<Value>(
        _ what: String, find: () async throws(CSIError) -> Value?,
        make: () async throws(CSIError) -> Outcome<Value>
    ) async throws(CSIError) -> (value: Value, isNew: Bool) {
        var backoff = backoff()
        while true {
            if let found = try await find() { return (found, false) }
            let reason: String
            switch try await make() {
            case .done(let made): return (made, true)
            case .refused(let refusal) where refusal.isPassing: reason = refusal.message
            case .refused(let refusal): throw refusal.error
            case .lost(let detail): reason = detail
            }
            guard await backoff.pause() else { throw .unavailable("\(what) may or may not have been made: \(reason)") }
        }
    }

    /// What is to be done about a volume.
    enum Step<Value> {
        case nothing(Value)
        /// Begin an action; what it is for may be absent, which is an error, or nil where the next look finds it done.
        case begin(APINewAction, absent: CSIError? = nil)
    }

    /// Looks at a volume and has done what is to be done about it, until nothing is.
    ///
    /// Each turn looks first: an attempt whose answer was lost, or another process, may have done it.
    /// - Throws: ABORTED when time is up first, naming what is still going on; a repeated call finds it.
    func settle<Value>(
        _ id: VolumeID, _ next: (APIVolume?) throws(CSIError) -> Step<Value>
    ) async throws(CSIError) -> Value {
        var backoff = backoff()
        while true {
            let step = try next(try await volume(id))
            if case .nothing(let value) = step { return value }
            guard case .begin(let action, let absent) = step else { continue }
            var reason = "it failed"
            switch try await post(APIAction.self, "/v2/volumes/\(id)/actions", action) {
            case .done(let begun): if try await hasCompleted(begun, on: id) { continue }
            case .refused(let refusal):
                if refusal.status == 404, let absent { throw absent }
                guard refusal.isPassing || refusal.status == 404 else { throw refusal.error }
                reason = refusal.message
            case .lost(let detail): reason = detail
            }
            guard await backoff.pause() else {
                throw .pendingElsewhere("\(action.type) of volume \"\(id)\" has not happened yet: \(reason)")
            }
        }
    }

    /// Waits for an action to end.
    /// - Returns: Whether it did what it should.
    /// - Throws: ABORTED when time is up first; the action goes on, and a repeated call finds it.
    private func hasCompleted(_ action: APIAction, on id: VolumeID) async throws(CSIError) -> Bool {
        var action = action
        var backoff = backoff()
        while action.status == "in-progress" {
            guard await backoff.pause() else {
                throw .pendingElsewhere("\(action.type) \(action.id) of volume \"\(id)\" is still in progress")
            }
            let next = try await find(APIAction.self, "/v2/volumes/\(id)/actions/\(action.id)")
            guard let next else { return false }
            action = next
        }
        return action.status == "completed"
    }

    /// The path of a thing, nil for an id that no thing of this cloud has.
    ///
    /// Ids are UUIDs, and what a caller made up must not become another path.
    static func path(_ collection: String, _ id: String) -> String? {
        let isPlain = id.utf8.allSatisfy { $0 == 0x2D || (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
        return isPlain && id.utf8.count == 36 ? "/v2/\(collection)/\(id)" : nil
    }
}
