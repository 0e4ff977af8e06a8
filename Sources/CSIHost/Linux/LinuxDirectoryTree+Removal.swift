import CLinux
import SystemPackage

extension LinuxDirectoryTree {
    func removeFile(_ path: FilePath) async throws(HostError) -> Bool {
        try remove(slot(path, .removeFile), flags: 0)
    }

    func removeDirectory(_ path: FilePath) async throws(HostError) -> Bool {
        try remove(slot(path, .removeDirectory), flags: CLINUX_AT_REMOVEDIR)
    }

    private func remove(_ slot: borrowing Slot, flags: CInt) throws(HostError) -> Bool {
        switch slot.result({ parent, name in clinux_unlinkat(parent, name, flags) }) {
        case .success: return true
        case .failure(.noSuchFileOrDirectory): return false
        case .failure(.resourceBusy): throw slot.site.failure(.resourceBusy, detail: "something is mounted there")
        case .failure(let errno): throw slot.site.failure(errno)
        }
    }

    func removeTree(_ path: FilePath) async throws(HostError) {
        let (relative, site) = try place(path, .removeTree)
        guard let name = relative.lastComponent else { return }
        let parent: OwnedDescriptor
        do throws(HostError) {
            parent = try Resolution.beneath(descriptor.raw).openParent(of: relative, CLINUX_O_READ_DIRECTORY, for: site)
        } catch  where error.kind == .notFound {
            return
        }
        try refuseMounts(site.currentPath(of: parent).appending(name), in: parent, site)
        var walk = try TreeWalk(parent, at: site.path.removingLastComponent(), for: .removeTree, isNFS: isNFS)
        try walk.removeAll(name)
    }

    /// Refuses a tree with mounts in it before anything is removed; a mount made later stops the removal where it is.
    private func refuseMounts(
        _ tree: FilePath, in parent: borrowing OwnedDescriptor, _ site: CallSite
    ) throws(HostError) {
        let table = try SelectedMounts.mounts(atOrBelow: tree, in: parent)
        guard let mount = table.topmost(at: tree) ?? table.mounts(beneath: tree).first else { return }
        throw HostError(
            site.operation, at: site.path, kind: .busy,
            detail: "\"\(mount.mountPoint)\" is a mount point (\(mount.filesystemType)): unmount it first")
    }
}
