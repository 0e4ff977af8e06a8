import CLinux
import SystemPackage

extension TreeWalk {
    /// Removes a subvolume in one step; false when the name is none, or one that can only be taken apart from inside.
    ///
    /// One that has others in it, which any program can make, is left writable, so that it can be taken apart.
    func removeSubvolume(_ name: FilePath.Component) throws(HostError) -> Bool {
        guard hasSubvolumes, let raw = current?.descriptor?.raw,
            try anywhere.cachedStatus(of: name, in: raw)?.stx_ino == CLINUX_SUBVOLUME_ROOT
        else { return false }
        let opened = Resolution.beneath(raw, stayingOnMount: true).openIfPossible(
            FilePath(component: name), CLINUX_O_READ_DIRECTORY, for: anywhere)
        guard case .opened(let directory) = consume opened, try anywhere.isSubvolume(directory) else { return false }
        let id = try anywhere.subvolumeID(of: directory)
        // The kernel can keep the group for longer, which then says nothing any more.
        _ = result { clinux_set_qgroup_limit($0, id, 0) }
        switch name.withPlatformString({ text in result { clinux_destroy_subvolume($0, text) } }) {
        case .success, .failure(.noSuchFileOrDirectory):
            // Kernels that keep it until the last block is free say that it is busy; newer ones remove it themselves.
            _ = result { clinux_remove_qgroup($0, id) }
            return true
        case .failure:
            try? anywhere.setSubvolumeReadOnly(directory, false)
            return false
        }
    }
}
