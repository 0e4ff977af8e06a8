public import CSICore
import CSIHost
import SystemPackage

extension NFSDriver: VolumeProvisioning, VolumeCloning {
    /// The size that a volume without a wish for one is said to have, in bytes; nothing enforces it.
    static let defaultCapacity: Int64 = 1 << 30

    /// The mode of a volume's directory where the class does not say.
    static let defaultPermissions = FilePermissions(rawValue: 0o755)

    /// Makes the volume's directory, or takes over the one that is there.
    public func create(_ request: CreateVolume) async throws(CSIError) -> Volume {
        try await make(request, from: nil)
    }

    /// Makes a volume with the present content of another one.
    public func clone(_ request: CreateVolume, from volume: VolumeID) async throws(CSIError) -> Volume {
        guard let source = handle(volume) else { throw .notFound(.volume(volume)) }
        let busy = try places.share(source.location)
        defer { busy.release() }
        return try await make(request, from: .volume(volume, source))
    }

    /// Makes a volume with the content of a snapshot, be it this driver's or an archive of csi-driver-nfs.
    public func restore(_ request: CreateVolume, from snapshot: SnapshotID) async throws(CSIError) -> Volume {
        guard let source = SnapshotHandle(snapshot.rawValue) else { throw .notFound(.snapshot(snapshot)) }
        guard !snapshotJobs.isRunning(snapshot) else {
            throw .pendingElsewhere("snapshot \"\(snapshot)\" is not ready yet: its content is being copied")
        }
        return try await make(request, from: .snapshot(snapshot, source))
    }

    private func make(_ request: CreateVolume, from source: ContentOrigin?) async throws(CSIError) -> Volume {
        let plan = try plan(request)
        let busy = try places.take(plan.handle.location)
        defer { busy.release() }
        let share = try await openToChange(
            plan.handle.share, plan.mountOptions, request.secrets, for: plan.handle.location.description)
        let directory = plan.handle.directory
        let records = try await share.records(of: [directory] + directory.parents)
        let existing = records.first ?? nil
        try existing?.requireMatch(request, at: plan.handle.location)
        // What usually is not there is not looked for: making it tells.
        if existing == nil, source == nil, directory.parents.isEmpty {
            if try await makeEmpty(share, plan) { return plan.record.volume(plan.handle, server: plan.server) }
        }
        let found = try await withNFSErrors { () async throws(HostError) in
            try await share.tree.metadata(of: directory.path)
        }
        // A deletion that did not come to its end can leave a record without a directory.
        if let existing, found != nil {
            // An attempt that ended after the record was written has left it.
            if source != nil { try await removeMarker(share, plan) }
            return existing.volume(plan.handle, server: plan.server)
        }
        try refuseInside(records)
        if let found, found.kind != .directory {
            throw .preconditionFailed("\(plan.handle.location) is there and is not a directory; look at it")
        }
        if let source {
            var isComplete = found == nil
            if !isComplete { isComplete = try await isCopied(share, plan) }
            guard isComplete else {
                throw .alreadyExists(
                    .volumeNamed(request.name), differingIn: "content source",
                    existing: "\(plan.handle.location) is a directory without a record", requested: "a copy")
            }
            if found == nil { try await fill(share, plan, from: source) }
        } else if found == nil, try await makeEmpty(share, plan) {
            return plan.record.volume(plan.handle, server: plan.server)
        }
        let record = plan.record
        try await share.write(record, of: directory)
        if source != nil { try await removeMarker(share, plan) }
        return record.volume(plan.handle, server: plan.server)
    }

    // MARK: What is asked for

    /// What a request comes to.
    struct Plan {
        let handle: VolumeHandle
        let server: String
        let mountOptions: NFSMountOptions
        let parameters: ClassParameters
        let record: NFSVolumeRecord

        /// The mode of a new directory.
        var permissions: FilePermissions { parameters.permissions ?? NFSDriver.defaultPermissions }

        /// A name of its own for files that are about the volume.
        var fileName: String { ShareLayout.fileName(handle.directory) }
    }

    func plan(_ request: CreateVolume) throws(CSIError) -> Plan {
        let parameters = try ClassParameters(request.parameters.map, .storageClass, field: "parameters")
        let location = try parameters.location(field: "parameters")
        var options = NFSMountOptions()
        for (index, capability) in request.capabilities.enumerated() {
            let checked = try Self.mountOptions(of: capability, field: "volume_capabilities[\(index)]")
            if index == 0 { options = checked }
        }
        let onDelete =
            try Self.policy(request.mutableParameters, field: "mutable_parameters") ?? parameters.onDelete
            ?? configuration.onDelete
        let name = Self.directoryName(request.name)
        let directory: SubDirectory
        do throws(SubDirectory.Refusal) {
            directory = try SubDirectory(parameters.subDirectory ?? name)
        } catch {
            throw .invalid("parameters[\"subDir\"]", error.reason)
        }
        let server = parameters.server ?? location.server
        let handle = VolumeHandle(
            server: server, share: location, directory: directory, name: parameters.subDirectory == nil ? "" : name,
            onDelete: onDelete, defaultPolicy: configuration.onDelete, mountOptions: options.forDriver)
        let capacity = try request.capacity?.size(fallback: Self.defaultCapacity) ?? Self.defaultCapacity
        let record = NFSVolumeRecord(
            id: try VolumeID(handle.description, field: "the handle of the volume"), name: request.name,
            capacity: capacity, onDelete: onDelete, permissions: parameters.permissions, source: request.source,
            fingerprint: request.fingerprint)
        return Plan(
            handle: handle, server: server, mountOptions: options, parameters: parameters, record: record)
    }

    /// The name of a volume as the name of a directory; one that could not be becomes its digest.
    static func directoryName(_ name: VolumeName) -> String {
        guard let directory = try? SubDirectory(name.rawValue), directory.names == [name.rawValue],
            name.rawValue.utf8.count <= VolumeHandle.longestName, !name.rawValue.hasPrefix("archived-")
        else { return VolumeID(derivedFrom: name).rawValue }
        return name.rawValue
    }

    /// The options that a capability asks for.
    static func mountOptions(of capability: VolumeCapability, field: String) throws(CSIError) -> NFSMountOptions {
        do throws(UnsupportedOption) {
            return try NFSMountOptions(mountFlags: capability.mount?.flags ?? [])
        } catch {
            throw .invalid("\(field).mount.mount_flags", "cannot be used: \(error)")
        }
    }

    static func policy(_ parameters: Parameters, field: String) throws(CSIError) -> DeletePolicy? {
        var reader = parameters.reader()
        let text = reader.take("onDelete")
        try reader.finish()
        guard let text else { return nil }
        guard let policy = DeletePolicy(name: text) else {
            throw .invalid("\(field)[\"onDelete\"]", "must be delete, retain or archive, and is \"\(text)\"")
        }
        return policy
    }

    /// Refuses a directory inside of another volume: what a pod does there would be done to both.
    ///
    /// - Parameter records: that of the directory itself, and those of its parents.
    private func refuseInside(_ records: [NFSVolumeRecord?]) throws(CSIError) {
        for case let other? in records.dropFirst() {
            throw .invalid("parameters[\"subDir\"]", "leads into volume \"\(other.id)\"")
        }
    }

    // MARK: Directories

    /// Makes the volume's directory and then its record; false when the directory is there already.
    private func makeEmpty(_ share: Share, _ plan: Plan) async throws(CSIError) -> Bool {
        let directory = plan.handle.directory
        try await share.makeParents(of: directory)
        guard ownerSteps(directory.path, plan).isEmpty else { return try await makeOwned(share, plan) }
        let steps: [TreeStep] = [
            .createDirectory(directory.path, plan.permissions), .syncDirectory(directory.path.removingLastComponent()),
        ]
        let made: Share.Made
        do throws(HostError) {
            made = try await share.make(directory, by: steps, plan.record)
        } catch  where error.kind == .alreadyExists && error.operation == .createDirectory {
            return false
        } catch {
            throw CSIError(nfs: error)
        }
        if made == .withoutRecord { try await share.write(plan.record, of: directory) }
        return true
    }

    /// Makes a directory that belongs to somebody: it has its owner before it has its name, since a directory of that name is taken
    /// over as it is.
    private func makeOwned(_ share: Share, _ plan: Plan) async throws(CSIError) -> Bool {
        let place = Self.place(plan)
        let steps = [.createDirectory(place, plan.permissions)] + ownerSteps(place, plan)
        // What an earlier attempt has left of itself.
        try await withNFSErrors { () async throws(HostError) in try await share.tree.removeTree(place) }
        try await share.inOwnDirectory(ShareLayout.making) { () async throws(HostError) in
            _ = try await share.tree.perform(steps)
        }
        do throws(HostError) {
            try await share.tree.renameDurably(from: place, to: plan.handle.directory.path)
        } catch {
            guard error.kind == .alreadyExists else { throw CSIError(nfs: error) }
            try await withNFSErrors { () async throws(HostError) in try await share.tree.removeTree(place) }
            return false
        }
        try await share.write(plan.record, of: plan.handle.directory)
        return true
    }

    private func ownerSteps(_ path: FilePath, _ plan: Plan) -> [TreeStep] {
        let parameters = plan.parameters
        guard parameters.userID != nil || parameters.groupID != nil else { return [] }
        let permissions = parameters.permissions.map { [TreeStep.setPermissions(path, $0)] } ?? []
        return [.setOwner(path, userID: parameters.userID, groupID: parameters.groupID)] + permissions
    }

    /// Whether the directory is the copy that an earlier attempt finished, and only its record is missing.
    private func isCopied(_ share: Share, _ plan: Plan) async throws(CSIError) -> Bool {
        try await share.read(Self.marker(plan)) == Array(plan.record.id.rawValue.utf8)
    }

    /// Where a volume is made that must not be found halfway under its own name.
    private static func place(_ plan: Plan) -> FilePath { ShareLayout.making.appending("\(plan.fileName).partial") }

    /// Says, once the copy is complete and until it has a record, whose copy it is.
    private static func marker(_ plan: Plan) -> FilePath { ShareLayout.making.appending("\(plan.fileName).copied") }

    private func removeMarker(_ share: Share, _ plan: Plan) async throws(CSIError) {
        try await withNFSErrors { () async throws(HostError) in
            try await share.tree.removeFile(Self.marker(plan))
            // Nobody asks for a volume again that was answered: a power failure must not bring the marker back.
            try await share.tree.syncDirectory(ShareLayout.making)
        }
    }

    /// Copies to a name of its own and renames the copy when it is complete and durable.
    private func fill(_ share: Share, _ plan: Plan, from source: ContentOrigin) async throws(CSIError) {
        let place = Self.place(plan)
        // What an earlier attempt has left of itself.
        try await withNFSErrors { () async throws(HostError) in try await share.tree.removeTree(place) }
        do throws(CSIError) {
            try await copy(source, to: place, on: share)
            if let permissions = plan.parameters.permissions {
                try await withNFSErrors { () async throws(HostError) in
                    try await share.tree.setPermissions(place, permissions)
                }
            }
            let steps = ownerSteps(place, plan)
            _ = try await withNFSErrors { () async throws(HostError) in try await share.tree.perform(steps) }
            try await share.makeParents(of: plan.handle.directory)
            try await withNFSErrors { () async throws(HostError) in
                try await share.tree.writeFileDurably(
                    Self.marker(plan), Array(plan.record.id.rawValue.utf8), permissions: [.ownerReadWrite],
                    replacing: true)
                try await share.tree.renameDurably(from: place, to: plan.handle.directory.path)
            }
        } catch {
            // A server that does not answer would make the caller wait once more for nothing.
            if !error.mayStillRun {
                try? await withNFSErrors { () async throws(HostError) in
                    try await share.tree.removeTree(place)
                    try await share.tree.removeFile(Self.marker(plan))
                }
            }
            throw error
        }
    }
}
