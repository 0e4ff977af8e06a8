import CSICore

extension DigitalOceanDriver: VolumeAttaching {
    func attach(_ request: AttachVolume) async throws(CSIError) -> StringMap {
        try await api().settle(request.id) { (volume) throws(CSIError) in
            guard let volume else { throw .notFound(.volume(request.id)) }
            let unknown = CSIError.notFound(.node(request.node))
            guard let droplet = Int(request.node.rawValue) else { throw unknown }
            if let reason = VolumeNote.refusal(of: request.capability, request.volumeContext) {
                throw .invalid("volume_capability", "cannot be had: \(reason)")
            }
            if volume.dropletIds.contains(droplet) { return .nothing(context(volume)) }
            if let other = volume.dropletIds.first {
                throw .preconditionFailed("it is attached to droplet \(other); detach it there first")
            }
            return .begin(
                APINewAction(type: "attach", region: volume.region.slug, dropletId: droplet), absent: unknown)
        }
    }

    func detach(_ request: DetachVolume) async throws(CSIError) {
        try await api().settle(request.id) { (volume) throws(CSIError) in
            let droplet = volume?.dropletIds.first { request.node == nil || "\($0)" == request.node?.rawValue }
            guard let volume, let droplet else { return .nothing(()) }
            return .begin(APINewAction(type: "detach", region: volume.region.slug, dropletId: droplet))
        }
    }

    /// What the node finds the device by, how large it must be at least, and whose it is.
    private func context(_ volume: APIVolume) -> StringMap {
        StringMap([
            "\(info.name)/volume-id": volume.id, "\(info.name)/volume-name": volume.name,
            "\(info.name)/volume-size": "\(volume.sizeGigabytes)",
        ])
    }

    /// The name of the volume and the size that it had when it was attached, for the node.
    func attachment(_ context: StringMap, of id: VolumeID) throws(CSIError) -> (name: String, capacity: Int64) {
        guard let name = context["\(info.name)/volume-name"] else {
            throw .preconditionFailed("publish_context does not name volume \"\(id)\": this driver did not attach it")
        }
        guard (context["\(info.name)/volume-id"] ?? id.rawValue) == id.rawValue else {
            throw .notFound(.volume(id), "publish_context is of another volume")
        }
        return (name, (context["\(info.name)/volume-size"].flatMap { Int64($0) } ?? 0) &* Self.gibibyte)
    }
}
