import CSICore
import CSIHost
import CSIPool
import Logging
import SystemPackage

/// Inline volumes: made when a pod begins, with what its specification says, and gone when the pod is.
///
/// Each is a volume of the pool like any other, with an id that no volume of a claim can have and a record that says whose
/// it is; lists leave it out.
extension HostPathDriver {
    enum EphemeralKey {
        /// What the kubelet calls the volume.
        static let handle = "ephemeral"
        /// Where its pod sees it.
        static let target = "target"
        /// In the volume's attributes in the pod: its size, such as 1Gi.
        static let size = "size"
    }

    /// The id of the volume that the kubelet calls so.
    static func ephemeralID(_ handle: VolumeID) throws(CSIError) -> VolumeID {
        // No plain name has a slash, so the id is always a digest.
        VolumeID(derivedFrom: try VolumeName("ephemeral/\(handle)", field: "volume_id"))
    }

    /// The inline volume that the kubelet calls so; nil when there is none.
    func findEphemeral(
        _ handle: VolumeID
    ) async throws(CSIError) -> (record: VolumeRecord, member: PoolSet.Member)? {
        guard let id = try? Self.ephemeralID(handle), let (record, member) = try await pools.find(id) else {
            return nil
        }
        guard record.attributes[EphemeralKey.handle] == handle.rawValue else {
            throw .preconditionFailed("volume \"\(id)\" is not the inline volume \"\(handle)\"")
        }
        return (record, member)
    }

    /// Makes the volume if it is not there, and publishes it.
    func publishEphemeral(_ request: PublishVolume) async throws(CSIError) {
        guard !request.capability.isBlock else {
            throw .invalid("volume_capability", "asks for a raw block device; inline volumes are directories")
        }
        var values = Parameters(request.volumeContext).own.values
        let size = try Self.size(values.removeValue(forKey: EphemeralKey.size))
        let wanted = try VolumeClass(Parameters(StringMap(values), field: "volume_context"))
        let own = Parameters(request.volumeContext).own
        let fingerprint = Fingerprint(
            own.sorted.map { .init("volume_context[\"\($0.key)\"]", $0.value) }
                + [.init("target_path", request.target.description)])
        if let (existing, member) = try await findEphemeral(request.id) {
            try fingerprint.requireMatch(existing.fingerprint, of: .volume(request.id))
            return try await member.pool.publish(request, as: existing.id)
        }
        guard values[VolumeSettings.Key.onDelete] == nil else {
            throw .invalid(
                "volume_context[\"\(VolumeSettings.Key.onDelete)\"]",
                "is not for inline volumes, which go with their pod and all that is in them; use a claim to keep data")
        }
        let member = try pool(of: wanted)
        try wanted.settings.check(
            isBlock: false, limitsInodes: member.pool.limitsInodes,
            Parameters(StringMap(values), field: "volume_context"))
        let capacity = try await self.size(for: nil, in: member.pool, fallback: size)
        let reservation = try await member.pool.reserve(capacity, isThick: false)
        defer { reservation.release() }
        var attributes = wanted.settings.attributes.values
        attributes[EphemeralKey.handle] = request.id.rawValue
        attributes[EphemeralKey.target] = request.target.description
        let id = try Self.ephemeralID(request.id)
        let record = VolumeRecord(
            id: id, name: try VolumeName("ephemeral/\(request.id)", field: "volume_id"), capacity: capacity,
            fingerprint: fingerprint, attributes: StringMap(attributes))
        _ = try await member.pool.add(record, wanted.data)
        do throws(CSIError) {
            try await member.pool.publish(request, as: id)
        } catch {
            // Its pod has not seen it, so nothing is lost; the kubelet tries again.
            try? await member.pool.requireUnpublished(id)
            try? await member.pool.remove(id)
            throw error
        }
    }

    /// Takes the volume away from its pod, and removes it with all that is in it.
    func unpublishEphemeral(
        _ request: UnpublishVolume, _ record: VolumeRecord, in member: PoolSet.Member
    ) async throws(CSIError) {
        try await member.pool.unpublish(request, as: record.id)
        try await member.pool.requireUnpublished(record.id)
        try await member.pool.remove(record.id)
    }

    private static func size(_ text: String?) throws(CSIError) -> Int64? {
        guard let text else { return nil }
        guard let size = ByteCount.parse(text), size > 0 else {
            throw .invalid("volume_context[\"size\"]", "must be a number of bytes such as 1Gi, and is \"\(text)\"")
        }
        return size
    }

    // MARK: After a crash

    /// Removes the inline volumes whose pods are gone: those that nothing shows, and whose directory the kubelet has removed.
    ///
    /// When in doubt a volume stays; the kubelet unpublishes what it knows of.
    func sweepEphemeral() async throws(CSIError) {
        for member in pools.members {
            for record in try await member.pool.records(withPrefix: "vol-", having: EphemeralKey.handle) {
                guard let target = record.attributes[EphemeralKey.target].map({ FilePath($0) }) else { continue }
                do throws(CSIError) {
                    guard try await isAbandoned(target) else { continue }
                    try await member.pool.requireUnpublished(record.id)
                    try await member.pool.remove(record.id)
                    logger.notice(
                        "removed an inline volume whose pod is gone",
                        metadata: ["volume": "\(record.id)", "target": "\(target)"])
                } catch {
                    logger.warning(
                        "an inline volume of a pod that is gone stays",
                        metadata: ["volume": "\(record.id)", "error": "\(error.message)"])
                }
            }
        }
    }

    /// Whether the kubelet has removed the directory of a volume of a pod, in a place that this process can see.
    private func isAbandoned(_ target: FilePath) async throws(CSIError) -> Bool {
        let volume = target.removingLastComponent()
        // `/var/lib/kubelet/pods/UID/volumes/kubernetes.io~csi/NAME/mount`: what is above the pods goes with no pod.
        guard let index = volume.components.lastIndex(where: { $0.string == "pods" }), volume.root != nil else {
            return false
        }
        let pods = FilePath(root: volume.root, volume.components[...index])
        guard pods != volume else { return false }
        return try await withHostErrors { () async throws(HostError) in
            guard try await host.files.metadata(of: pods)?.kind == .directory else { return false }
            return try await host.files.metadata(of: volume) == nil
        }
    }
}
