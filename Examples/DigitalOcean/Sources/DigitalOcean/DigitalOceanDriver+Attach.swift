import CSICore

extension DigitalOceanDriver: VolumeAttaching {
    /// What the node finds the device by, and how large it must be at least.
    private enum Key {
        static let name = "dobs.csi.digitalocean.com/volume-name"
        static let size = "dobs.csi.digitalocean.com/volume-size"
    }

    func attach(_ request: AttachVolume) async throws(CSIError) -> StringMap {
        let api = api()
        var backoff = api.backoff()
        while true {
            // Each turn looks first: an attempt whose answer was lost, or another process, may have done it.
            guard let volume = try await api.volume(request.id) else { throw .notFound(.volume(request.id)) }
            guard let droplet = Int(request.node.rawValue) else { throw .notFound(.node(request.node)) }
            if volume.dropletIds.contains(droplet) {
                return StringMap([Key.name: volume.name, Key.size: "\(volume.sizeGigabytes)"])
            }
            if let other = volume.dropletIds.first {
                throw .preconditionFailed(
                    "volume \"\(request.id)\" is attached to droplet \(other); detach it there first")
            }
            var reason = "the action failed"
            switch try await api.begin(action("attach", volume, droplet), on: volume) {
            case .done(let action): if try await api.hasCompleted(action, on: volume) { continue }
            case .refused(let refusal) where refusal.status == 404: throw .notFound(.node(request.node))
            case .refused(let refusal) where refusal.isPending || refusal.isOutdated: reason = refusal.message
            case .refused(let refusal) where refusal.isLimit:
                throw .noSpace("droplet \(droplet) has all the volumes that it can have: \(refusal.message)")
            case .refused(let refusal): throw refusal.error
            case .lost(let detail): reason = detail
            }
            guard await backoff.pause() else {
                throw .pendingElsewhere("volume \"\(request.id)\" is not attached to droplet \(droplet) yet: \(reason)")
            }
        }
    }

    func detach(_ request: DetachVolume) async throws(CSIError) {
        let api = api()
        var backoff = api.backoff()
        while true {
            guard let volume = try await api.volume(request.id),
                let droplet = volume.dropletIds.first(where: {
                    request.node == nil || "\($0)" == request.node?.rawValue
                })
            else { return }
            var reason = "the action failed"
            switch try await api.begin(action("detach", volume, droplet), on: volume) {
            case .done(let action): if try await api.hasCompleted(action, on: volume) { continue }
            // A droplet that is gone holds nothing for long.
            case .refused(let refusal) where refusal.isPending || refusal.isOutdated || refusal.status == 404:
                reason = refusal.message
            case .refused(let refusal): throw refusal.error
            case .lost(let detail): reason = detail
            }
            guard await backoff.pause() else {
                throw .pendingElsewhere(
                    "volume \"\(request.id)\" is not detached from droplet \(droplet) yet: \(reason)")
            }
        }
    }

    private func action(_ type: String, _ volume: APIVolume, _ droplet: Int) -> APINewAction {
        APINewAction(type: type, region: volume.region.slug, dropletId: droplet)
    }

    /// The name of the volume and the size that it had when it was attached, for the node.
    static func attachment(_ context: StringMap) -> (name: String, capacity: Int64)? {
        guard let name = context[Key.name] else { return nil }
        return (name, (context[Key.size].flatMap { Int64($0) } ?? 0) &* gibibyte)
    }
}
