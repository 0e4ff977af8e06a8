import CSICore

extension DigitalOceanDriver: VolumeProvisioning {
    func create(_ request: CreateVolume) async throws(CSIError) -> Volume {
        try await make(request) { (_) async throws(CSIError) in nil }
    }

    func delete(_ request: DeleteVolume) async throws(CSIError) {
        let api = api()
        guard let path = APISession.path("volumes", request.id.rawValue), let refusal = try await api.remove(path)
        else { return }
        // The API does not say why in words that last: look.
        guard let volume = try await api.volume(request.id) else { return }
        if let droplet = volume.dropletIds.first {
            throw .inUse(.volume(request.id), by: "it is attached to droplet \(droplet); detach it first")
        }
        throw refusal.error
    }

    func volume(_ id: VolumeID) async throws(CSIError) -> Volume? {
        guard let found = try await api().volume(id) else { return nil }
        return try volume(found)
    }

    /// Makes a volume, or finds the one that an earlier attempt made, also one whose answer was lost on the way.
    /// - Parameter snapshot: What it is filled with; asked for only when the volume does not exist yet.
    func make(
        _ request: CreateVolume, from snapshot: (APISession) async throws(CSIError) -> APISnapshot?
    ) async throws(CSIError) -> Volume {
        try request.parameters.reader().finish()
        if let wanted = request.accessibility, !wanted.isMet(by: topology) {
            throw .notOnThisNode("this driver makes volumes in region \(region) alone")
        }
        let api = api()
        let name = APIName(request.name).text
        let note = VolumeNote(request)
        var backoff = api.backoff()
        while true {
            if let existing = try await api.volume(named: name, in: region) {
                try note.requireMatch(existing, request)
                return try volume(existing, source: request.source)
            }
            let source = try await snapshot(api)
            let new = APINewVolume(
                name: name, description: note.text, region: region,
                sizeGigabytes: try size(for: request.capacity, atLeast: source?.minDiskSize ?? 1),
                snapshotId: source?.id)
            let reason: String
            switch try await api.post(APIVolumeReply.self, "/v2/volumes", new) {
            case .done(let reply): return try volume(reply.volume, source: request.source)
            case .refused(let refusal) where refusal.isOutdated: reason = refusal.message
            case .refused(let refusal): throw refusal.error
            case .lost(let detail): reason = detail
            }
            guard await backoff.pause() else {
                throw .unavailable("volume \(name) may or may not have been made: \(reason)")
            }
        }
    }

    func volume(_ found: APIVolume, source: ContentSource? = nil) throws(CSIError) -> Volume {
        let note = VolumeNote(found.description)
        return Volume(
            id: try VolumeID(found.id), capacity: found.sizeGigabytes * Self.gibibyte,
            context: note?.context ?? StringMap(),
            accessibleTopology: [Topology(["region": found.region.slug])], source: source ?? note?.source)
    }

    /// The size to ask for, in GiB.
    func size(for range: CapacityRange?, atLeast least: Int64) throws(CSIError) -> Int64 {
        let fallback = max(Self.defaultSize, least) * Self.gibibyte
        let wanted = try range?.size(fallback: fallback, granularity: Self.gibibyte) ?? fallback
        let size = max(wanted / Self.gibibyte, least)
        guard Self.sizes.contains(size), range?.contains(size * Self.gibibyte) ?? true else {
            throw .impossibleCapacity(
                "volumes have \(max(least, 1)) to \(Self.sizes.upperBound) GiB, and \(size) would be needed")
        }
        return size
    }
}

extension DigitalOceanDriver: VolumeHealthReporting, PublishedNodesListing {
    func list(_ request: ListVolumes) async throws(CSIError) -> VolumePage {
        let all = try await api().volumes(in: region).filter { $0.id > request.after ?? "" }.sorted { $0.id < $1.id }
        let page = all.prefix(min(request.maximumEntries ?? 1000, 1000))
        var entries: [VolumeDetails] = []
        for found in page { entries.append(try details(found)) }
        return VolumePage(entries: entries, next: page.count < all.count ? page.last?.id : nil)
    }

    func read(_ request: GetVolume) async throws(CSIError) -> VolumeDetails? {
        let api = api()
        guard let found = try await api.volume(request.id) else { return nil }
        guard let id = found.dropletIds.first, found.dropletIds.count == 1 else { return try details(found) }
        let droplet = try await api.droplet(id)
        let isUp = droplet.map { $0.status == "active" } ?? false
        let condition =
            isUp
            ? VolumeCondition.normal
            : .abnormal("it is attached to droplet \(id), which is \(droplet?.status ?? "gone")")
        return try details(found, condition)
    }

    private func details(_ found: APIVolume, _ condition: VolumeCondition? = nil) throws(CSIError) -> VolumeDetails {
        var nodes: [NodeID] = []
        for id in found.dropletIds { nodes.append(try NodeID("\(id)")) }
        let isTorn = nodes.count > 1
        return VolumeDetails(
            volume: try volume(found),
            condition: condition ?? (isTorn ? .abnormal("it is attached to droplets \(found.dropletIds)") : .normal),
            publishedNodes: nodes)
    }
}

extension DigitalOceanDriver: VolumeExpanding {
    var expansionMode: ExpansionMode { .online }

    func expand(_ request: ExpandVolume) async throws(CSIError) -> Expansion {
        let api = api()
        var backoff = api.backoff()
        while true {
            guard let found = try await api.volume(request.id) else { throw .notFound(.volume(request.id)) }
            let capacity = found.sizeGigabytes * Self.gibibyte
            let size = try size(for: request.capacity, atLeast: found.sizeGigabytes)
            if size <= found.sizeGigabytes { return Expansion(capacity: capacity, needsNode: true) }
            let resize = APINewAction(type: "resize", region: found.region.slug, sizeGigabytes: size)
            var reason = "it failed"
            switch try await api.begin(resize, on: found) {
            case .done(let action): if try await api.hasCompleted(action, on: found) { continue }
            case .refused(let refusal) where refusal.isPending: reason = refusal.message
            case .refused(let refusal): throw refusal.error
            case .lost(let detail): reason = detail
            }
            guard await backoff.pause() else {
                throw .pendingElsewhere("volume \(request.id) has not grown yet: \(reason)")
            }
        }
    }
}
