import CSIHost
import SystemPackage

extension TracedDirectoryTree {
    func hasSubvolumes() async throws(HostError) -> Bool {
        try await span(.inspectSubvolume, FilePath()) { () async throws(HostError) in try await base.hasSubvolumes() }
    }

    func createSubvolume(_ path: FilePath, permissions: FilePermissions) async throws(HostError) {
        try await span(.createSubvolume, path) { () async throws(HostError) in
            try await base.createSubvolume(path, permissions: permissions)
        }
    }

    func createSnapshot(of source: FilePath, at destination: FilePath, isReadOnly: Bool) async throws(HostError) {
        try await span(.createSnapshot, source) { () async throws(HostError) in
            try await base.createSnapshot(of: source, at: destination, isReadOnly: isReadOnly)
        }
    }

    func setSubvolumeReadOnly(_ path: FilePath, _ isReadOnly: Bool) async throws(HostError) {
        try await span(.setSubvolumeAccess, path) { () async throws(HostError) in
            try await base.setSubvolumeReadOnly(path, isReadOnly)
        }
    }

    func subvolume(at path: FilePath) async throws(HostError) -> Subvolume? {
        try await span(.inspectSubvolume, path) { () async throws(HostError) in try await base.subvolume(at: path) }
    }
}
