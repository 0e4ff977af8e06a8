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

    func refusal(of request: ValidateVolumeCapabilities, for volume: Volume) async throws(CSIError) -> String? {
        request.capabilities.lazy.compactMap { VolumeNote.refusal(of: $0, volume.context) }.first
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
        let name = try APIName(request.name.rawValue).text
        let note = VolumeNote(request)
        let (found, isNew) = try await api.findOrMake("volume \(name)") { () async throws(CSIError) in
            try await api.volumes(in: region, named: name).first
        } make: { () async throws(CSIError) in
            let source = try await snapshot(api)
            let new = APINewVolume(
                name: name, description: note.text, region: region,
                sizeGigabytes: try size(for: request.capacity, atLeast: source?.minDiskSize ?? 1),
                snapshotId: source?.id)
            return try await api.post(APIVolume.self, "/v2/volumes", new)
        }
        if !isNew { try note.requireMatch(found, request) }
        return try volume(found, source: request.source)
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
            throw .impossibleCapacity("volumes have \(least) to \(Self.sizes.upperBound) GiB, and \(size) are needed")
        }
        return size
    }
}

extension DigitalOceanDriver: VolumeHealthReporting, PublishedNodesListing {
    func list(_ request: ListVolumes) async throws(CSIError) -> VolumePage {
        var all: [VolumeDetails] = []
        for found in try await api().volumes(in: region) { all.append(try details(found)) }
        return VolumePage(of: all, for: request)
    }

    func read(_ request: GetVolume) async throws(CSIError) -> VolumeDetails? {
        let api = api()
        guard let found = try await api.volume(request.id) else { return nil }
        guard let id = found.dropletIds.first else { return try details(found) }
        let status = try await api.find(APIDroplet.self, "/v2/droplets/\(id)")?.status ?? "gone"
        if status == "active" { return try details(found) }
        return try details(found, .abnormal("it is attached to droplet \(id), which is \(status)"))
    }

    private func details(_ found: APIVolume, _ condition: VolumeCondition = .normal) throws(CSIError) -> VolumeDetails {
        var nodes: [NodeID] = []
        for id in found.dropletIds { nodes.append(try NodeID("\(id)")) }
        return VolumeDetails(volume: try volume(found), condition: condition, publishedNodes: nodes)
    }
}

extension DigitalOceanDriver: VolumeExpanding {
    var expansionMode: ExpansionMode { .online }

    func expand(_ request: ExpandVolume) async throws(CSIError) -> Expansion {
        try await api().settle(request.id) { (found) throws(CSIError) in
            guard let found else { throw .notFound(.volume(request.id)) }
            let size = try size(for: request.capacity, atLeast: found.sizeGigabytes)
            guard size > found.sizeGigabytes else {
                return .nothing(Expansion(capacity: found.sizeGigabytes * Self.gibibyte, needsNode: true))
            }
            return .begin(APINewAction(type: "resize", region: found.region.slug, sizeGigabytes: size))
        }
    }
}
