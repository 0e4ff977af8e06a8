import Foundation

extension FakeCloud {
    func listVolumes(_ query: [String: String]) -> FakeAnswer {
        let found = state.withLock { state in
            state.volumes.values.filter {
                (query["name"] == nil || $0.name == query["name"])
                    && (query["region"] == nil || $0.region == query["region"])
            }
            .sorted { $0.id < $1.id }
        }
        return page("volumes", found.map(\.json), "volumes", query)
    }

    func readVolume(_ id: String) -> FakeAnswer {
        guard let volume = state.withLock({ $0.volumes[id] }) else { return .absent }
        return FakeAnswer(200, ["volume": volume.json])
    }

    func createVolume(_ content: [String: Any]) -> FakeAnswer {
        guard let name = content["name"] as? String, name.wholeMatch(of: /[a-z][a-z0-9-]{0,63}/) != nil else {
            return .error(
                422, "name is invalid: lowercase letters, digits and hyphens, at most 64, beginning with a letter")
        }
        guard let size = (content["size_gigabytes"] as? NSNumber)?.int64Value, (1...16_384).contains(size) else {
            return .error(422, "size_gigabytes must be between 1 and 16384")
        }
        let source = content["snapshot_id"] as? String
        guard content["region"] as? String == region else { return .error(422, "region is invalid") }
        return state.withLock { state in
            if let source {
                guard let snapshot = state.snapshots[source] else { return .absent }
                guard size >= snapshot.size else { return .error(422, "the volume must be as large as the snapshot") }
            }
            guard !state.volumes.values.contains(where: { $0.name == name }) else {
                return .error(409, "a volume with the same name already exists in this region")
            }
            guard state.volumes.count < volumeLimit else {
                return .error(422, "failed to create volume: volume limit exceeded; contact support to raise it")
            }
            let volume = FakeVolume(
                id: state.newID(), name: name, description: content["description"] as? String ?? "", region: region,
                size: size)
            state.volumes[volume.id] = volume
            machines.create(volume, from: source)
            return FakeAnswer(201, ["volume": volume.json])
        }
    }

    func deleteVolume(_ id: String) -> FakeAnswer {
        state.withLock { state in
            guard let volume = state.volumes[id] else { return .absent }
            guard volume.droplets.isEmpty else { return .error(409, "A volume that is attached cannot be deleted") }
            guard !state.actions.values.contains(where: { $0.volume == id && $0.status == "in-progress" }) else {
                return .error(422, "Volume already has a pending event.")
            }
            state.volumes[id] = nil
            machines.remove(volume)
            return FakeAnswer(204)
        }
    }

    func readDroplet(_ id: String) -> FakeAnswer {
        guard let number = Int(id), let status = state.withLock({ $0.droplets[number] }) else { return .absent }
        let attached = volumes.filter { $0.droplets.contains(number) }.map(\.id)
        return FakeAnswer(200, ["droplet": ["id": number, "status": status, "volume_ids": attached]])
    }

    // MARK: Snapshots

    func createSnapshot(_ id: String, _ content: [String: Any]) -> FakeAnswer {
        guard let name = content["name"] as? String, !name.isEmpty else { return .error(422, "name is missing") }
        return state.withLock { state in
            guard let volume = state.volumes[id] else { return .absent }
            guard !state.snapshots.values.contains(where: { $0.name == name }) else {
                return .error(409, "a snapshot with this name already exists")
            }
            let snapshot = FakeSnapshot(id: state.newID(), name: name, volume: id, size: volume.size)
            state.snapshots[snapshot.id] = snapshot
            machines.takeSnapshot(snapshot.id, of: volume)
            return FakeAnswer(201, ["snapshot": snapshot.json])
        }
    }

    func listSnapshots(_ query: [String: String]) -> FakeAnswer {
        guard query["resource_type"] == "volume" else { return page("snapshots", [], "snapshots", query) }
        let found = state.withLock { $0.snapshots.values.sorted { $0.id < $1.id } }
        return page("snapshots", found.map(\.json), "snapshots", query)
    }

    func readSnapshot(_ id: String) -> FakeAnswer {
        guard let snapshot = state.withLock({ $0.snapshots[id] }) else { return .absent }
        return FakeAnswer(200, ["snapshot": snapshot.json])
    }

    func deleteSnapshot(_ id: String) -> FakeAnswer {
        guard state.withLock({ $0.snapshots.removeValue(forKey: id) }) != nil else { return .absent }
        machines.removeSnapshot(id)
        return FakeAnswer(204)
    }
}

extension FakeVolume {
    var json: [String: Any] {
        [
            "id": id, "name": name, "description": description, "size_gigabytes": size, "droplet_ids": droplets,
            "region": ["slug": region, "name": region, "available": true], "created_at": "2026-03-02T17:00:49Z",
            "filesystem_type": "", "filesystem_label": "", "tags": [String](),
        ]
    }
}

extension FakeSnapshot {
    var json: [String: Any] {
        [
            "id": id, "name": name, "resource_id": volume, "resource_type": "volume", "min_disk_size": size,
            "size_gigabytes": 0.1, "created_at": "2026-03-02T17:00:49Z", "regions": ["nyc1"], "tags": [String](),
        ]
    }
}
