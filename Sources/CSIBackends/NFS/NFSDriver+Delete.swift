public import CSICore
import CSIHost
import SystemPackage

extension NFSDriver {
    /// Does with the volume's directory what its policy says.
    ///
    /// An id that cannot be this driver's is of no volume.
    public func delete(_ request: DeleteVolume) async throws(CSIError) {
        guard let handle = handle(request.id) else { return }
        let busy = try places.take(handle.location)
        defer { busy.release() }
        let share = try await openToChange(
            handle.share, handle.mountOptions, request.secrets, for: handle.location.description)
        let (record, found) = try await share.look(at: handle.directory)
        // The directory has become another volume's.
        if let record, record.id != request.id, !Self.isSame(record, handle) { return }
        var trash: String? = Self.trashName(handle.directory)
        let policy = record?.onDelete ?? handle.onDelete ?? configuration.onDelete
        if let found, policy != .retain {
            guard found.kind == .directory else {
                throw .preconditionFailed(
                    "\(handle.location) is not a directory, so it is not the volume; look at it, and remove it if it may go"
                )
            }
            switch policy {
            case .archive:
                try await refuseAround(share, handle.directory)
                try await archive(share, handle.directory)
            case .delete:
                // One in which nothing lies, no other volume either, goes at once.
                if try await removeEmpty(share, handle, record) {
                    trash = nil
                } else {
                    try await refuseAround(share, handle.directory)
                    try await share.discard(handle.directory.path, as: Self.trashName(handle.directory))
                }
            case .retain: break
            }
        }
        if policy != .retain { try await share.removeParents(of: handle.directory) }
        if record != nil, trash != nil || !handle.directory.parents.isEmpty {
            _ = try await withNFSErrors { () async throws(HostError) in
                try await share.tree.removeFile(ShareLayout.record(of: handle.directory))
            }
        }
        try await sweep(share, trash)
    }

    /// Removes the volume's directory if it is empty, and with it the record where nothing is to be done in between.
    private func removeEmpty(
        _ share: Share, _ handle: VolumeHandle, _ record: NFSVolumeRecord?
    ) async throws(CSIError) -> Bool {
        let path = handle.directory.path
        var steps: [TreeStep] = [.removeDirectory(path), .syncDirectory(path.removingLastComponent())]
        if record != nil, handle.directory.parents.isEmpty {
            steps.append(.removeFile(ShareLayout.record(of: handle.directory)))
        }
        do throws(HostError) {
            _ = try await share.tree.perform(steps)
            return true
        } catch  where error.kind == .notEmpty || error.kind == .alreadyExists {
            return false
        } catch {
            throw CSIError(nfs: error)
        }
    }

    /// Whether a record is of the volume that a handle names: the handle may have been written by csi-driver-nfs, and the
    /// record by a later expansion or modification through this driver.
    private static func isSame(_ record: NFSVolumeRecord, _ handle: VolumeHandle) -> Bool {
        guard let other = VolumeHandle(record.id.rawValue) else { return false }
        return other.location == handle.location && other.name == handle.name
    }

    /// Refuses to remove a directory that other volumes lie in.
    private func refuseAround(_ share: Share, _ directory: SubDirectory) async throws(CSIError) {
        let prefix = ShareLayout.fileName(directory) + "%2F"
        let isParent = try await withNFSErrors { () async throws(HostError) in
            try await share.tree.exists(ShareLayout.parent(directory))
        }
        guard isParent,
            let inner = try await share.names(in: ShareLayout.volumes).first(where: { $0.hasPrefix(prefix) })
        else { return }
        throw .preconditionFailed(
            "\(share.location.appending(directory.path)) holds another volume, with the record \(inner); delete that first"
        )
    }

    /// Renames to `archived-` and the name, or with a number behind it where that is taken.
    private func archive(_ share: Share, _ directory: SubDirectory) async throws(CSIError) {
        let base = "archived-\(directory)"
        let parent = FilePath(base).removingLastComponent()
        if !parent.isEmpty { try await makeArchiveParents(share, parent) }
        var place = base
        for number in 1...10_000 {
            do throws(HostError) {
                return try await share.tree.renameDurably(from: directory.path, to: FilePath(place))
            } catch  where error.kind == .alreadyExists || error.kind == .notEmpty {
                place = "\(base).\(number)"
            } catch {
                throw CSIError(nfs: error)
            }
        }
        throw .preconditionFailed(
            "there are too many archives of \(share.location.appending(directory.path)); move some away")
    }

    private func makeArchiveParents(_ share: Share, _ path: FilePath) async throws(CSIError) {
        var parent = FilePath()
        for component in path.components {
            parent.append(component)
            do throws(HostError) {
                try await share.tree.createDirectory(parent, permissions: Self.defaultPermissions)
            } catch  where error.kind == .alreadyExists {
                continue
            } catch {
                throw CSIError(nfs: error)
            }
        }
    }

    /// The name in the trash is always the same for one volume, so that a repeated deletion finds it.
    static func trashName(_ directory: SubDirectory) -> String { ShareLayout.fileName(directory) }

    /// Removes what lies in the trash under a name, and, the first time and after a failure, everything that lies there.
    func sweep(_ share: Share, _ name: String?) async throws(CSIError) {
        do throws(CSIError) {
            if let name { try await share.emptyTrash(name) }
            guard shares.beginSweep(of: share.location) else { return }
            for leftover in try await share.names(in: ShareLayout.trash) { try await share.emptyTrash(leftover) }
        } catch {
            shares.sweepFailed(of: share.location)
            throw error
        }
    }
}
