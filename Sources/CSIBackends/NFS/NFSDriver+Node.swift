public import CSICore
import CSIHost
import CSIPool
import Logging
import SystemPackage

extension NFSDriver: VolumeStaging, NodeHealthReporting, MountGroupApplying {
    /// How long a question about a volume's health may take: the kubelet asks often, and for every volume.
    static let healthPatience = Duration.seconds(4)

    /// What a volume is mounted as.
    struct Mounting {
        let location: NFSLocation
        let options: NFSMountOptions
        let permissions: FilePermissions?
        let group: UInt32?

        var source: String { location.description }
    }

    /// Mounts the volume's directory at the staging path, once for all its pods.
    public func stage(_ request: StageVolume) async throws(CSIError) {
        let mounting = try mounting(request.id, request.volumeContext, request.capability)
        let path = request.stagingPath.filePath
        if let mounted = try await mountTable().topmost(at: path) {
            guard mounted.isNFS, mounted.source == mounting.source else {
                throw .alreadyExists(
                    .publication(request.id, request.stagingPath), differingIn: "source", existing: mounted.source,
                    requested: mounting.source)
            }
            guard mounted.bindOptions == mounting.options.flags else {
                throw .alreadyExists(
                    .publication(request.id, request.stagingPath), differingIn: "mount_flags",
                    existing: "options \(mounted.bindOptions)", requested: "options \(mounting.options.flags)")
            }
            guard try await isStale(path, mounting.source) else { return try await apply(mounting, at: path) }
            try await unmount(path)
        }
        try await mount(mounting, at: path)
        try await apply(mounting, at: path)
    }

    /// Unmounts what is staged.
    ///
    /// A server that is gone does not hold it up: the mount is detached then.
    public func unstage(_ request: UnstageVolume) async throws(CSIError) {
        let path = request.stagingPath.filePath
        guard let mounted = try await mountTable().topmost(at: path) else { return }
        guard mounted.isNFS else { throw leftAlone(mounted, path, request.id) }
        try await unmount(path)
    }

    /// Binds what is staged at the target, read-only from its first moment where that is asked for.
    public func publish(_ request: PublishVolume) async throws(CSIError) {
        let mounting = try mounting(request.id, request.volumeContext, request.capability)
        guard let staging = request.stagingPath?.filePath else { throw .missing("staging_target_path") }
        let table = try await mountTable()
        guard let staged = table.topmost(at: staging), staged.isNFS, staged.source == mounting.source else {
            throw .preconditionFailed(
                "volume \"\(request.id)\" is not staged at \(staging): no mount of \(mounting.source) is there; stage it first"
            )
        }
        let options = request.isReadOnly ? mounting.options.flags.union(.readOnly) : mounting.options.flags
        let target = request.target.filePath
        if let mounted = table.topmost(at: target) {
            // Two directories of one export can look the same but for the source.
            guard mounted.isNFS, mounted.source == mounting.source else {
                throw .alreadyExists(
                    .publication(request.id, request.target), differingIn: "source", existing: mounted.source,
                    requested: mounting.source)
            }
            try request.requireSame(
                as: mounted, of: mounted.origin, options.inheriting(staged.bindOptions))
            guard try await isStale(target, mounting.source) else { return }
            try await unmount(target)
        } else if request.capability.mode.allowsOneTargetOnly,
            let other = table.entries.first(where: {
                $0.isNFS && $0.source == mounting.source && $0.mountPoint != staging && $0.device == staged.device
            })
        {
            throw .preconditionFailed(
                "volume \"\(request.id)\" is published at \(other.mountPoint), and its access mode "
                    + "\(request.capability.mode) allows one target only")
        }
        try await bind(staging, at: request.target, options, mounting)
    }

    /// Unmounts what is at the target and removes the mount point.
    public func unpublish(_ request: UnpublishVolume) async throws(CSIError) {
        let target = request.target.filePath
        if let mounted = try await mountTable().topmost(at: target) {
            guard mounted.isNFS else { throw leftAlone(mounted, target, request.id) }
            try await unmount(target)
        }
        try await PublishTarget(request.target, on: host).remove(of: request.id)
    }

    /// The figures of the export that the volume lies on, and whether its server answers.
    public func stats(_ request: GetVolumeStats) async throws(CSIError) -> VolumeStats {
        let path = request.path.filePath
        guard let mounted = try await mountTable().topmost(at: path), mounted.isNFS,
            handle(request.id).map({ $0.location.description == mounted.source }) ?? true
        else { throw .notFound(.publication(request.id, request.path), "nothing of it is mounted there") }
        do throws(HostError) {
            let tree = try await host.network.openDirectory(path, for: "stats \(path)", patience: Self.healthPatience)
            let room = try await tree.capacity()
            mountHealth.note(.normal, at: path, source: mounted.source)
            let inodes = VolumeStats.Usage(
                available: room.availableInodes, total: room.totalInodes, used: room.usedInodes)
            return VolumeStats(
                bytes: .init(available: room.availableBytes, total: room.totalBytes, used: room.usedBytes),
                inodes: room.totalInodes > 0 ? inodes : nil, condition: .normal)
        } catch {
            mountHealth.note(error, at: path, source: mounted.source)
            let condition: VolumeCondition
            switch error.kind {
            case .timedOut, .lockHeld, .unreachable: condition = .abnormal("the server does not answer: \(error)")
            case .stale: condition = .abnormal("the directory is gone or its export was made anew: \(error)")
            case .inputOutput: condition = .abnormal("the server fails: \(error)")
            default: throw CSIError(nfs: error)
            }
            return VolumeStats(bytes: .init(available: 0, total: 0, used: 0), inodes: nil, condition: condition)
        }
    }

    // MARK: What is mounted

    private func mounting(
        _ id: VolumeID, _ context: StringMap, _ capability: VolumeCapability
    ) throws(CSIError) -> Mounting {
        let attributes = try ClassParameters(context, .attributes, field: "volume_context")
        let handle = handle(id)
        var location: NFSLocation
        if attributes.server != nil || attributes.share != nil {
            location = try attributes.location(field: "volume_context")
            if let text = attributes.subDirectory {
                do throws(SubDirectory.Refusal) {
                    location = location.appending(try SubDirectory(text).path)
                } catch {
                    throw .invalid("volume_context[\"subDir\"]", error.reason)
                }
            }
        } else if let handle {
            location = handle.location
        } else {
            throw .missing("volume_context[\"server\"]")
        }
        // Attributes that this driver has made go with the handle that it made; others may go with any.
        guard context["quota"] == nil || handle?.location == location else {
            throw .notFound(.volume(id), "its attributes are of \(location)")
        }
        var options = try Self.mountOptions(of: capability, field: "volume_capability")
        if options == NFSMountOptions(), let given = attributes.mountOptions { options = given }
        if capability.mode.isReadOnly { options.flags.insert(.readOnly) }
        return Mounting(
            location: location, options: options, permissions: attributes.permissions,
            group: try Self.group(of: capability))
    }

    private static func group(of capability: VolumeCapability) throws(CSIError) -> UInt32? {
        guard let text = capability.mount?.group, !text.isEmpty, !capability.mode.isReadOnly else { return nil }
        guard let id = UInt32(text), id != .max else {
            throw .invalid("volume_capability.mount.volume_mount_group", "must be a number, and is \"\(text)\"")
        }
        return id
    }

    private func mount(_ mounting: Mounting, at path: FilePath) async throws(CSIError) {
        do throws(HostError) {
            try await host.network.mount(mounting.location, at: path, options: mounting.options)
            mountHealth.note(.normal, at: path, source: mounting.source)
        } catch {
            mountHealth.note(error, at: nil, source: mounting.source)
            guard error.kind == .notFound, error.path == path else { throw CSIError(nfs: error) }
            throw .preconditionFailed("the staging path \(path) does not exist; the caller makes it")
        }
    }

    /// Gives the root of the volume the mode and the group that are asked for; what is below keeps its owners.
    private func apply(_ mounting: Mounting, at path: FilePath) async throws(CSIError) {
        guard !mounting.options.flags.contains(.readOnly) else { return }
        guard mounting.permissions != nil || mounting.group != nil else { return }
        try await withNFSErrors { () async throws(HostError) in
            let root = try await host.network.openDirectory(path, for: path.string, patience: nil)
            guard let metadata = try await root.metadata(of: "") else { return }
            var wanted = mounting.permissions ?? metadata.permissions
            if mounting.group != nil { wanted.formUnion([.groupReadWriteExecute, .setGroupID]) }
            if let group = mounting.group, metadata.groupID != group {
                try await root.setOwner("", userID: nil, groupID: group)
            } else if metadata.permissions == wanted {
                return
            }
            try await root.setPermissions("", wanted)
        }
    }

    private func bind(
        _ staging: FilePath, at target: AbsolutePath, _ options: BindOptions, _ mounting: Mounting
    ) async throws(CSIError) {
        let path = target.filePath
        let made: Bool
        do throws(HostError) {
            made = try await host.files.createMountPoint(
                path, kind: .directory, permissions: FilePermissions(rawValue: 0o750))
        } catch {
            guard error.kind == .notFound else { throw CSIError(error) }
            throw .preconditionFailed("the directory that shall hold \(path) does not exist; the caller makes it")
        }
        do throws(HostError) {
            do throws(HostError) {
                try await host.network.bindMount(source: staging, at: path, options: options)
            } catch  where error.kind == .stale {
                // The export was made anew since the volume was staged: what is staged now shows nothing to anybody.
                logger.warning("mounting a stale volume anew", metadata: ["source": "\(mounting.source)"])
                _ = try await host.network.unmount(staging, policy: unmountPolicy)
                try await host.network.mount(mounting.location, at: staging, options: mounting.options)
                try await host.network.bindMount(source: staging, at: path, options: options)
            }
            mountHealth.note(.normal, at: path, source: mounting.source)
        } catch {
            mountHealth.note(error, at: nil, source: mounting.source)
            // Nothing is mounted; the mount point goes as well, if it was not there before.
            if made { _ = try? await host.files.removeMountPoint(path) }
            throw CSIError(nfs: error)
        }
    }

    private var unmountPolicy: UnmountPolicy {
        var policy = UnmountPolicy.detaching(after: configuration.unmountDeadline)
        policy.forces = configuration.forcesUnmounts
        return policy
    }

    private func unmount(_ path: FilePath) async throws(CSIError) {
        _ = try await withNFSErrors { () async throws(HostError) in
            try await host.network.unmount(path, policy: unmountPolicy)
        }
        mountHealth.forget(path)
    }

    /// Whether a mount shows a directory that its server does not know any more.
    /// - Throws: DEADLINE_EXCEEDED when the server does not answer.
    private func isStale(_ path: FilePath, _ source: String) async throws(CSIError) -> Bool {
        do throws(HostError) {
            let tree = try await host.network.openDirectory(path, for: path.string, patience: Self.healthPatience)
            // Of all questions this one is never answered from a cache.
            _ = try await tree.capacity()
            mountHealth.note(.normal, at: path, source: source)
            return false
        } catch {
            mountHealth.note(error, at: path, source: source)
            guard error.kind != .stale else { return true }
            // A directory that nobody may look into is there.
            guard error.kind != .permissionDenied else { return false }
            throw CSIError(nfs: error)
        }
    }

    private func leftAlone(_ mounted: MountEntry, _ path: FilePath, _ id: VolumeID) -> CSIError {
        .preconditionFailed(
            "\(path) is a mount of \(mounted.source), which is \(mounted.filesystemType) and not volume \"\(id)\"; it is left "
                + "alone")
    }

    func mountTable() async throws(CSIError) -> MountTable {
        try await withHostErrors { () async throws(HostError) in try await host.mounts.mountTable() }
    }
}

extension MountEntry {
    /// Whether it is a mount of NFS, of whatever version.
    var isNFS: Bool { filesystemType == "nfs" || filesystemType == "nfs4" }
}
