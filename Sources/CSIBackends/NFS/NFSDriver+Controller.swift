public import CSICore
import CSIHost
import CSIProto
import Logging
import SystemPackage

extension NFSDriver: VolumeListing, VolumeHealthReporting, CapacityReporting {
    /// Pages without a limit of the caller's end here: each volume costs a question to its server.
    static let pageLimit = 500

    /// The volume of this id, if its directory is there.
    public func volume(_ id: VolumeID) async throws(CSIError) -> Volume? {
        guard let handle = handle(id) else { return nil }
        let share = try await open(handle.share, handle.mountOptions, for: "read \(handle.location)")
        let (record, found) = try await share.look(at: handle.directory)
        return found?.kind == .directory ? volume(handle, id, record) : nil
    }

    private func volume(_ handle: VolumeHandle, _ id: VolumeID, _ record: NFSVolumeRecord?) -> Volume {
        guard let record else {
            return Volume(id: id, capacity: 0, context: handle.context(server: nil, permissions: nil))
        }
        return Volume(
            id: id, capacity: record.capacity, context: handle.context(server: nil, permissions: record.permissions),
            source: record.source)
    }

    /// The volume and whether its directory can be reached.
    public func read(_ request: GetVolume) async throws(CSIError) -> VolumeDetails? {
        guard let handle = handle(request.id) else { return nil }
        let unreachable: String
        do throws(CSIError) {
            let share = try await open(handle.share, handle.mountOptions, for: "read \(handle.location)")
            let (record, found) = try await share.look(at: handle.directory)
            let volume = volume(handle, request.id, record)
            guard found?.kind != .directory else { return VolumeDetails(volume: volume, condition: .normal) }
            // With a record it should be there; without one there is no such volume.
            guard record != nil else { return nil }
            return VolumeDetails(volume: volume, condition: .abnormal("the directory \(handle.location) is gone"))
        } catch {
            guard error.mayStillRun else { throw error }
            unreachable = error.message
        }
        return VolumeDetails(
            volume: Volume(id: request.id, capacity: 0, context: handle.context(server: nil, permissions: nil)),
            condition: .abnormal("the server does not answer: \(unreachable)"))
    }

    /// One page of the volumes with a record, share by share, on the shares that this process knows.
    public func list(_ request: ListVolumes) async throws(CSIError) -> VolumePage {
        let limit = min(request.maximumEntries ?? Self.pageLimit, Self.pageLimit)
        let start = request.after.flatMap(ListPosition.init)
        var entries: [VolumeDetails] = []
        for entry in shares.all {
            let name = entry.location.description
            if let start, name < start.share { continue }
            let share = try await open(entry.location, entry.options, for: "list \(name)")
            var files = try await share.names(in: ShareLayout.volumes).filter { !$0.hasPrefix(".") }
            if let start, start.share == name { files.removeAll { $0 <= start.file } }
            for file in files {
                guard entries.count < limit else {
                    return VolumePage(entries: entries, next: lastPosition(entries)?.description)
                }
                if let details = try await details(file, on: share) { entries.append(details) }
            }
        }
        return VolumePage(entries: entries, next: nil)
    }

    private func lastPosition(_ entries: [VolumeDetails]) -> ListPosition? {
        guard let last = entries.last, let handle = handle(last.volume.id) else { return nil }
        return ListPosition(share: handle.share.description, file: ShareLayout.fileName(handle.directory))
    }

    /// What is known of the volume with a record; nil for a record that goes in this moment, or that cannot be used.
    private func details(_ file: String, on share: Share) async throws(CSIError) -> VolumeDetails? {
        let path = ShareLayout.volumes.appending(file)
        guard let bytes = try await share.read(path) else { return nil }
        guard let record = try? NFSVolumeRecord(parsing: bytes), let handle = handle(record.id) else {
            logger.warning("a record cannot be used", metadata: ["share": "\(share.location)", "record": "\(path)"])
            return nil
        }
        let isThere = try await isDirectory(handle.directory.path, on: share)
        return VolumeDetails(
            volume: record.volume(handle, server: nil),
            condition: isThere ? .normal : .abnormal("the directory \(handle.location) is gone"))
    }

    /// What the export has left, or all shares that this process knows when the request names none.
    public func capacity(_ request: GetCapacity) async throws(CSIError) -> Capacity {
        let parameters = try ClassParameters(request.parameters.map, .storageClass, field: "parameters")
        guard parameters.server == nil, parameters.share == nil else {
            let location = try parameters.location(field: "parameters")
            let share = try await open(location, nil, for: "capacity \(location)")
            let room = try await withNFSErrors { () async throws(HostError) in try await share.tree.capacity() }
            return Capacity(available: room.availableBytes, largestVolume: room.availableBytes)
        }
        var available: Int64 = 0
        for entry in shares.all {
            let share = try await open(entry.location, entry.options, for: "capacity \(entry.location)")
            let room = try await withNFSErrors { () async throws(HostError) in try await share.tree.capacity() }
            available =
                available.addingReportingOverflow(room.availableBytes).overflow ? .max : available + room.availableBytes
        }
        return Capacity(available: available)
    }
}

/// Where a page of a list ended.
struct ListPosition: CustomStringConvertible {
    let share: String
    let file: String

    init(share: String, file: String) {
        self.share = share
        self.file = file
    }

    init?(_ text: String) {
        let parts = text.split(separator: "#", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 2 else { return nil }
        (share, file) = (parts[0], parts[1])
    }

    var description: String { "\(share)#\(file)" }
}

extension NFSDriver: VolumeExpanding, VolumeModifying {
    /// A promise grows at any time.
    public var expansionMode: ExpansionMode { .online }

    /// Writes the larger size down: a directory has no size of its own, and nothing enforces one.
    public func expand(_ request: ExpandVolume) async throws(CSIError) -> Expansion {
        guard let handle = handle(request.id) else { throw .notFound(.volume(request.id)) }
        let busy = try places.take(handle.location)
        defer { busy.release() }
        let (share, record) = try await existing(request.id, handle, request.secrets)
        guard var record else {
            return Expansion(capacity: try request.capacity.size(fallback: Self.defaultCapacity), needsNode: false)
        }
        let size = try request.capacity.size(fallback: record.capacity)
        guard size > record.capacity else {
            guard request.capacity.contains(record.capacity) else {
                throw .impossibleCapacity(
                    "volume \"\(request.id)\" has \(record.capacity) bytes, more than the limit, and volumes never shrink"
                )
            }
            return Expansion(capacity: record.capacity, needsNode: false)
        }
        record.capacity = size
        try await share.write(record, of: handle.directory)
        return Expansion(capacity: size, needsNode: false)
    }

    /// What becomes of the directory can be changed while the volume lives.
    public var mutableKeys: Set<String> { ["onDelete"] }

    /// Writes the new policy down.
    public func modify(_ request: ModifyVolume) async throws(CSIError) {
        guard let handle = handle(request.id) else { throw .notFound(.volume(request.id)) }
        let policy = try Self.policy(request.parameters, field: "mutable_parameters")
        let busy = try places.take(handle.location)
        defer { busy.release() }
        let (share, found) = try await existing(request.id, handle, request.secrets)
        guard let policy else { return }
        guard var record = found else {
            // One that csi-driver-nfs made has no record until something about it changes.
            guard let name = try? VolumeName(handle.nameForSnapshots) else {
                throw .invalid("volume_id", "has no name that a record could be kept under")
            }
            return try await share.write(
                NFSVolumeRecord(
                    id: request.id, name: name, capacity: 0, onDelete: policy, permissions: nil, source: nil,
                    fingerprint: Fingerprint()), of: handle.directory)
        }
        guard record.onDelete != policy else { return }
        record.onDelete = policy
        try await share.write(record, of: handle.directory)
    }

    /// The share of a volume that is there, and its record, if it has one.
    /// - Throws: NOT_FOUND when its directory is gone.
    func existing(
        _ id: VolumeID, _ handle: VolumeHandle, _ secrets: Secrets
    ) async throws(CSIError) -> (share: Share, record: NFSVolumeRecord?) {
        let share = try await open(handle.share, handle.mountOptions, secrets, for: handle.location.description)
        let (record, found) = try await share.look(at: handle.directory)
        guard found?.kind == .directory else {
            throw .notFound(.volume(id), "\(handle.location) is not there")
        }
        return (share, record)
    }
}
