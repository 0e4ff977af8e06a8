import CSIBlock
public import CSICore
import CSIHost
import CSIPool

extension LoopbackDriver: VolumeProvisioning, VolumeCloning {
    /// The size of a volume when the caller does not ask for one, in bytes; less where the pool has less room.
    static let defaultCapacity: Int64 = 1 << 30

    /// Makes an empty image, durably, or finds the one that an earlier attempt made.
    public func create(_ request: CreateVolume) async throws(CSIError) -> Volume {
        try await make(request) { () async throws(CSIError) in nil }
    }

    /// Makes a volume with the content of another one, which may be in use where the pool can share blocks.
    public func clone(_ request: CreateVolume, from volume: VolumeID) async throws(CSIError) -> Volume {
        try await make(request) { () async throws(CSIError) in
            guard try await pool.record(volume) != nil else { throw request.missing(.volume(volume)) }
            return try await content(of: volume)
        }
    }

    /// Makes a volume with the content of a snapshot.
    public func restore(_ request: CreateVolume, from snapshot: SnapshotID) async throws(CSIError) -> Volume {
        try await make(request) { () async throws(CSIError) in
            guard let record = try await pool.snapshot(snapshot) else { throw request.missing(.snapshot(snapshot)) }
            return SourceContent(
                size: try await pool.contentSize(of: record),
                traits: try VolumeTraits(record.attributes, of: .snapshot(snapshot)),
                origin: ImageOrigin(.snapshot(snapshot)), lock: nil)
        }
    }

    /// The volume of this id.
    public func volume(_ id: VolumeID) async throws(CSIError) -> Volume? {
        try await pool.record(id).map { volume(of: $0.summary) }
    }

    /// Whether the single volume is of the kind that is asked for.
    public func refusal(
        of request: ValidateVolumeCapabilities, for volume: Volume
    ) async throws(CSIError) -> String? {
        guard let record = try await pool.record(request.id) else { throw .notFound(.volume(request.id)) }
        let known = try VolumeTraits(record.attributes, of: .volume(record.id)).volume(record)
        for capability in request.capabilities {
            if let refusal = known.refusal(of: capability) { return refusal }
            do throws(CSIError) {
                _ = try known.mountOptions(for: capability)
            } catch {
                return error.message
            }
        }
        return nil
    }

    /// - Parameter source: Finds what the content comes from; called only when the volume does not exist yet.
    private func make(
        _ request: CreateVolume, from source: () async throws(CSIError) -> SourceContent?
    ) async throws(CSIError) -> Volume {
        let wanted = try VolumeClass(request.parameters, request.capabilities)
        try request.mutableParameters.reader().finish()
        if let accessibility = request.accessibility, !accessibility.isMet(by: topology) {
            throw .notOnThisNode("this node is \(topology), and the volume must be reachable from elsewhere")
        }
        let id = VolumeID(derivedFrom: request.name)
        if let existing = try await pool.record(id) {
            try requireCompatible(existing, request, wanted)
            return volume(of: existing.summary)
        }
        let content = try await source()
        defer { content?.lock?.release() }
        let traits = try wanted.traits(from: content?.traits)
        try checkFlags(of: request, traits)
        let size = try await size(of: request, traits, isThick: wanted.isThick, atLeast: content?.size)
        let reservation = try await pool.reserve(size, isThick: wanted.isThick)
        defer { reservation.release() }
        let record = VolumeRecord(
            id: id, name: request.name, capacity: size, fingerprint: request.fingerprint, content: .image,
            isThick: wanted.isThick, source: request.source, attributes: traits.attributes)
        try await pool.addImage(record, from: content?.origin ?? ImageOrigin(.zeros))
        return volume(of: record.summary)
    }

    private func checkFlags(of request: CreateVolume, _ traits: VolumeTraits) throws(CSIError) {
        for (index, capability) in request.capabilities.enumerated() {
            guard let kind = traits.fileSystem, let mount = capability.mount else { continue }
            do throws(UnsupportedOption) {
                _ = try FileSystemMountOptions(kind, mountFlags: mount.flags)
            } catch {
                throw .invalid("volume_capabilities[\(index)].mount.mount_flags", "cannot be used: \(error)")
            }
        }
    }

    private func size(
        of request: CreateVolume, _ traits: VolumeTraits, isThick: Bool, atLeast content: Int64?
    ) async throws(CSIError) -> Int64 {
        let minimum = max(traits.minimumCapacity, content ?? 0)
        var fallback = minimum
        if request.capacity?.required == nil, content == nil {
            fallback = max(minimum, min(Self.defaultCapacity, try await pool.room().available(isThick: isThick)))
        }
        fallback -= fallback % VolumeTraits.granularity
        guard let range = request.capacity else { return fallback }
        let size = max(minimum, try range.size(fallback: fallback, granularity: VolumeTraits.granularity))
        guard range.contains(size) else {
            let reason =
                content.map { "its source has \($0) bytes" }
                ?? "the smallest volume with \(traits.fileSystem?.rawValue ?? "no file system") has \(minimum) bytes"
            throw .impossibleCapacity("\(range) were asked for, and \(reason)")
        }
        return size
    }

    private func requireCompatible(
        _ existing: VolumeRecord, _ request: CreateVolume, _ wanted: VolumeClass
    ) throws(CSIError) {
        let resource = Resource.volumeNamed(request.name)
        try request.fingerprint.requireMatch(existing.fingerprint, of: resource)
        let traits = try VolumeTraits(existing.attributes, of: .volume(existing.id))
        if let kind = wanted.fileSystem, kind != traits.fileSystem {
            throw .alreadyExists(
                resource, differingIn: "file system", existing: traits.fileSystem?.rawValue ?? "none",
                requested: kind.rawValue)
        }
        guard let range = request.capacity, !range.contains(existing.capacity) else { return }
        throw .alreadyExists(
            resource, differingIn: "capacity_range", existing: "\(existing.capacity) bytes", requested: "\(range)")
    }
}
