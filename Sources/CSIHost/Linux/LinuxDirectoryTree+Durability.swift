import CLinux
import SystemPackage

extension LinuxDirectoryTree {
    func writeFileDurably(
        _ path: FilePath, _ bytes: [UInt8], permissions: FilePermissions, replacing: Bool
    ) async throws(HostError) {
        let slot = try slot(path, .writeFile, parentFlags: CLINUX_O_READ_DIRECTORY)
        let temporary = FilePath(RandomName.make(prefix: ".new-"))
        let parent = slot.parent.raw
        do throws(HostError) {
            let file = try Resolution.beneath(slot.parent.raw).open(
                temporary, CLINUX_O_CREATE_NEW, permissions: [.ownerReadWrite], for: slot.site)
            try slot.site.writeAll(bytes, to: file)
            let raw = file.raw
            try slot.site.check { clinux_fchmod(raw, permissions.rawValue) }
            try slot.site.sync(file)
            let renamed = temporary.withPlatformString { from in
                slot.result { parent, to in
                    clinux_renameat2(parent, from, parent, to, replacing ? 0 : CLINUX_RENAME_NOREPLACE)
                }
            }
            if case .failure(let errno) = renamed { throw slot.site.failure(errno) }
        } catch {
            // The old content is in place, and the error that is reported is the first one.
            _ = temporary.withPlatformString { clinux_unlinkat(parent, $0, 0) }
            throw error
        }
        try slot.site.sync(slot.parent)
    }

    func renameDurably(
        from source: FilePath, to destination: FilePath, replacing: Bool
    ) async throws(HostError) {
        let from = try slot(source, .rename, parentFlags: CLINUX_O_READ_DIRECTORY)
        let to = try slot(destination, .rename, parentFlags: CLINUX_O_READ_DIRECTORY)
        let toParent = to.parent.raw
        let result = to.name.withPlatformString { newName in
            from.result { fromParent, oldName in
                clinux_renameat2(fromParent, oldName, toParent, newName, replacing ? 0 : CLINUX_RENAME_NOREPLACE)
            }
        }
        if case .failure(let errno) = result {
            // Only an absent source is the source's fault; everything else is about the new name.
            let site = errno == .noSuchFileOrDirectory ? from.site : to.site
            throw site.failure(errno, detail: "renaming \(from.site.path) to \(to.site.path)")
        }
        try to.site.sync(to.parent)
        if from.site.path.removingLastComponent() != to.site.path.removingLastComponent() {
            try from.site.sync(from.parent)
        }
    }

    func syncDirectory(_ path: FilePath) async throws(HostError) {
        let (path, site) = try place(path, allowEmpty: true, .syncDirectory)
        try site.sync(Resolution.beneath(descriptor.raw).open(path, CLINUX_O_READ_DIRECTORY, for: site))
    }

    func syncTree(_ path: FilePath) async throws(HostError) {
        let (path, site) = try place(path, allowEmpty: true, .syncTree)
        let top = try Resolution.beneath(descriptor.raw).open(path, CLINUX_O_READ_DIRECTORY, for: site)
        var walk = try TreeWalk(top, at: site.path, for: .syncTree)
        try walk.syncAll()
    }
}
