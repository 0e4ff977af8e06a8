import CLinux
import SystemPackage

extension LinuxDirectoryTree {
    func hasSubvolumes() async throws(HostError) -> Bool {
        try CallSite(.inspectSubvolume, at: path).isBtrfs(descriptor)
    }

    func createSubvolume(_ path: FilePath, permissions: FilePermissions) async throws(HostError) {
        let slot = try slot(path, .createSubvolume, parentFlags: CLINUX_O_READ_DIRECTORY)
        try slot.site.requireSubvolumes(of: slot.parent)
        if case .failure(let errno) = slot.result({ clinux_create_subvolume($0, $1) }) {
            throw slot.site.failure(errno)
        }
        do throws(HostError) {
            let made = try Resolution.beneath(slot.parent.raw).open(
                FilePath(component: slot.name), CLINUX_O_READ_DIRECTORY, for: slot.site)
            let raw = made.raw
            try slot.site.check { clinux_fchmod(raw, permissions.rawValue) }
        } catch {
            // The error that is reported is the first one.
            _ = slot.result { clinux_destroy_subvolume($0, $1) }
            throw error
        }
    }

    func createSnapshot(of source: FilePath, at destination: FilePath, isReadOnly: Bool) async throws(HostError) {
        let (source, site) = try place(source, allowEmpty: true, .createSnapshot)
        let original = try Resolution.beneath(descriptor.raw).open(source, CLINUX_O_READ_DIRECTORY, for: site)
        try site.requireSubvolume(original)
        let slot = try slot(destination, .createSnapshot, parentFlags: CLINUX_O_READ_DIRECTORY)
        let raw = original.raw
        if case .failure(let errno) = slot.result({ clinux_create_snapshot($0, $1, raw, isReadOnly) }) {
            throw slot.site.failure(errno)
        }
    }

    func setSubvolumeReadOnly(_ path: FilePath, _ isReadOnly: Bool) async throws(HostError) {
        let (path, site) = try place(path, allowEmpty: true, .setSubvolumeAccess)
        let directory = try Resolution.beneath(descriptor.raw).open(path, CLINUX_O_READ_DIRECTORY, for: site)
        try site.requireSubvolume(directory)
        try site.setSubvolumeReadOnly(directory, isReadOnly)
    }

    func subvolume(at path: FilePath) async throws(HostError) -> Subvolume? {
        let (path, site) = try place(path, allowEmpty: true, .inspectSubvolume)
        guard let metadata = try site.metadata(of: path, by: .beneath(descriptor.raw)), metadata.kind == .directory
        else {
            return nil
        }
        let directory = try Resolution.beneath(descriptor.raw).open(path, CLINUX_O_READ_DIRECTORY, for: site)
        guard try site.isSubvolume(directory) else { return nil }
        return Subvolume(
            id: try site.subvolumeID(of: directory),
            isReadOnly: try site.subvolumeFlags(of: directory) & CLINUX_SUBVOLUME_READ_ONLY != 0)
    }
}

extension CallSite {
    /// Whether an open file lies on btrfs.
    func isBtrfs(_ file: borrowing OwnedDescriptor) throws(HostError) -> Bool {
        var type: Int64 = 0
        let raw = file.raw
        try check { clinux_file_system_type(raw, &type) }
        return type == Int64(BTRFS_SUPER_MAGIC)
    }

    /// Whether an open directory is the root of a subvolume.
    func isSubvolume(_ directory: borrowing OwnedDescriptor) throws(HostError) -> Bool {
        guard try isBtrfs(directory) else { return false }
        return FileMetadata(try status(of: directory)).inode == CLINUX_SUBVOLUME_ROOT
    }

    func requireSubvolumes(of directory: borrowing OwnedDescriptor) throws(HostError) {
        guard try isBtrfs(directory) else { throw SubvolumeRule.noSubvolumes(operation, at: path) }
    }

    func requireSubvolume(_ directory: borrowing OwnedDescriptor) throws(HostError) {
        try requireSubvolumes(of: directory)
        guard try isSubvolume(directory) else { throw SubvolumeRule.noSubvolume(operation, at: path) }
    }

    /// The number of the subvolume that an open file is in.
    func subvolumeID(of file: borrowing OwnedDescriptor) throws(HostError) -> UInt64 {
        var id: UInt64 = 0
        let raw = file.raw
        try check { clinux_subvolume_id(raw, &id) }
        return id
    }

    fileprivate func subvolumeFlags(of directory: borrowing OwnedDescriptor) throws(HostError) -> UInt64 {
        var flags: UInt64 = 0
        let raw = directory.raw
        try check { clinux_get_subvolume_flags(raw, &flags) }
        return flags
    }

    /// Changes whether an open subvolume can be written; one that is as it should be is left alone.
    func setSubvolumeReadOnly(
        _ directory: borrowing OwnedDescriptor, _ isReadOnly: Bool
    ) throws(HostError) {
        let flags = try subvolumeFlags(of: directory)
        let wanted = isReadOnly ? flags | CLINUX_SUBVOLUME_READ_ONLY : flags & ~CLINUX_SUBVOLUME_READ_ONLY
        guard wanted != flags else { return }
        let raw = directory.raw
        try check { clinux_set_subvolume_flags(raw, wanted) }
    }
}
