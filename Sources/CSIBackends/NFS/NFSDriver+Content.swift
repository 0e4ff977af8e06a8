import CSICore
import CSIHost
import SystemPackage

/// What a new volume is filled with.
enum ContentOrigin {
    case volume(VolumeID, VolumeHandle)
    case snapshot(SnapshotID, SnapshotHandle)
}

extension NFSDriver {
    /// Makes a directory with the content of a volume or snapshot, durably but for its name.
    /// - Throws: NOT_FOUND when there is no such source.
    func copy(_ source: ContentOrigin, to place: FilePath, on share: Share) async throws(CSIError) {
        switch source {
        case .volume(let id, let handle):
            let origin = try await self.share(handle.share, handle.mountOptions, beside: share, for: place)
            guard try await isDirectory(handle.directory.path, on: origin) else { throw .notFound(.volume(id)) }
            try await copyTree(handle.directory.path, of: origin, to: place, on: share)
        case .snapshot(let id, let handle):
            let origin = try await self.share(handle.share, handle.mountOptions, beside: share, for: place)
            if try await origin.snapshotRecord(handle.name) != nil {
                let data = ShareLayout.snapshot(handle.name).appending("data")
                return try await copyTree(data, of: origin, to: place, on: share)
            }
            guard let archive = try await archive(of: handle, on: origin) else { throw .notFound(.snapshot(id)) }
            guard origin.location == share.location else {
                throw .preconditionFailed(
                    "snapshot \"\(id)\" is an archive on \(origin.location); it can be restored on that share only")
            }
            try await unpack(archive, to: place, on: share)
        }
    }

    /// The share itself where both are one, else the other one opened for reading.
    private func share(
        _ location: NFSLocation, _ options: NFSMountOptions?, beside share: Share, for place: FilePath
    ) async throws(CSIError) -> Share {
        guard location != share.location else { return share }
        return try await open(location, options, for: "\(share.location) \(place)")
    }

    func isDirectory(_ path: FilePath, on share: Share) async throws(CSIError) -> Bool {
        try await withNFSErrors { () async throws(HostError) in
            try await share.tree.metadata(of: path)?.kind == .directory
        }
    }

    private func copyTree(
        _ path: FilePath, of origin: Share, to place: FilePath, on share: Share
    ) async throws(CSIError) {
        let source = try await withNFSErrors { () async throws(HostError) in
            try await origin.tree.openDirectory(path)
        }
        try await share.inOwnDirectory(place.removingLastComponent()) { () async throws(HostError) in
            try await share.tree.copyTree(from: source, to: place, options: TreeCopyOptions())
        }
    }

    /// The archive that csi-driver-nfs made of a snapshot; nil when there is none.
    func archive(of handle: SnapshotHandle, on share: Share) async throws(CSIError) -> FilePath? {
        for archive in handle.archives {
            let found = try await withNFSErrors { () async throws(HostError) in
                do throws(HostError) {
                    return try await share.tree.metadata(of: archive)
                } catch  where error.kind == .notDirectory {
                    return nil
                }
            }
            if found?.kind == .regular { return archive }
        }
        return nil
    }

    private func unpack(_ archive: FilePath, to place: FilePath, on share: Share) async throws(CSIError) {
        try await share.inOwnDirectory(ShareLayout.making) { () async throws(HostError) in
            try await share.tree.createDirectory(place, permissions: Self.defaultPermissions)
        }
        try await withNFSErrors { () async throws(HostError) in
            try await share.tree.unpackArchive(archive, into: place)
            try await share.tree.syncTree(place)
        }
    }
}
