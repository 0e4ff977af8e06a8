import CSIBlock
import CSICore
import CSIHost
import SystemPackage

extension DigitalOceanDriver: VolumeStaging, MountGroupApplying, NodeExpanding, NodeHealthReporting {
    private static let links = FilePath("/dev/disk/by-id")
    private static let linkPrefix = "scsi-0DO_Volume_"

    func stage(_ request: StageVolume) async throws(CSIError) {
        try await node.stage(
            request, volume(request.id, request.capability, request.publishContext, request.volumeContext))
    }

    func unstage(_ request: UnstageVolume) async throws(CSIError) {
        try await node.unstage(request)
    }

    func publish(_ request: PublishVolume) async throws(CSIError) {
        try await node.publish(
            request, volume(request.id, request.capability, request.publishContext, request.volumeContext))
    }

    func unpublish(_ request: UnpublishVolume) async throws(CSIError) {
        try await node.unpublish(request)
    }

    func stats(_ request: GetVolumeStats) async throws(CSIError) -> VolumeStats {
        try await node.stats(request, BlockVolume(id: request.id))
    }

    func expandOnNode(_ request: ExpandVolumeOnNode) async throws(CSIError) -> Int64 {
        try await node.expand(request, BlockVolume(id: request.id))
    }

    /// What the controller told of the volume when it made and attached it.
    private func volume(
        _ id: VolumeID, _ capability: VolumeCapability, _ publishContext: StringMap, _ volumeContext: StringMap
    ) throws(CSIError) -> BlockVolume {
        guard let attachment = Self.attachment(publishContext) else {
            throw .preconditionFailed(
                "volume \"\(id)\" was not attached by this driver: publish_context does not name it")
        }
        var volume = BlockVolume(id: id, fileSystem: try BlockVolume.fileSystem(for: capability))
        volume.capacity = attachment.capacity
        volume.selector = .path(Self.links.appending(Self.linkPrefix + attachment.name))
        switch volumeContext["origin"] {
        case "empty": volume.origin = .empty
        case "copy": volume.origin = .copy
        default: volume.origin = .unknown
        }
        return volume
    }
}

extension DigitalOceanDriver: NodeLimitReporting {
    /// What the droplet takes, without what is attached to it by others: volumes that were not made for Kubernetes.
    func volumeLimit() async throws(CSIError) -> Int64 {
        let links: [DirectoryEntry]
        do throws(HostError) {
            links = try await host.files.openDirectory(Self.links).list("", limit: 10_000)
        } catch {
            guard error.kind == .notFound else { throw .unavailable("cannot count the volumes: \(error.description)") }
            return dropletLimit
        }
        let others = links.count { link in
            guard link.name.string.hasPrefix(Self.linkPrefix) else { return false }
            let name = link.name.string.dropFirst(Self.linkPrefix.count)
            return !name.contains("-part") && !name.hasPrefix("pvc-")
        }
        return max(1, dropletLimit - Int64(others))
    }
}
