import CLinux
import Glibc
import SystemPackage

extension LinuxDirectoryTree {
    func writeFileDurably(
        _ path: FilePath, _ bytes: [UInt8], permissions: FilePermissions, replacing: Bool
    ) async throws(HostError) {
        let slot = try slot(path, .writeFile, parentFlags: syncedDirectory)
        let temporary = FilePath(RandomName.make(prefix: ".new-"))
        let parent = slot.parent.raw
        // A file that must be new costs NFS a second request, which sets the times. The name is one of 2^64 at random.
        let flags = isNFS ? CLINUX_O_CREATE_OVER : CLINUX_O_CREATE_NEW
        let file = try Resolution.beneath(slot.parent.raw).open(
            temporary, flags, permissions: [.ownerReadWrite], for: slot.site)
        let isOrdered: Bool
        do throws(HostError) {
            try slot.site.writeAll(bytes, to: file)
            if FileMetadata(try slot.site.knownStatus(of: file)).permissions != permissions {
                let raw = file.raw
                try slot.site.check { clinux_fchmod(raw, permissions.rawValue) }
            }
            isOrdered = try makeContentDurable(file, slot.site)
            let renamed = temporary.withPlatformString { from in
                slot.result { parent, to in Self.rename(parent, from, parent, to, replacing: replacing) }
            }
            if case .failure(let errno) = renamed { throw slot.site.failure(errno) }
        } catch {
            // The old content is in place, and the error that is reported is the first one.
            _ = temporary.withPlatformString { clinux_unlinkat(parent, $0, 0) }
            throw error
        }
        if isOrdered { try slot.site.sync(file) }
        try syncNames(slot.parent, slot.site)
    }

    /// Makes the content of a file durable, before its name or the name of its directory is changed.
    ///
    /// Where changes become durable in the order in which they were made, and not before content that was written before them, it
    /// is enough to write the content first: one commit of the journal then makes everything durable.
    /// - Returns: Whether that is so, and the file is to be synced after the change.
    private func makeContentDurable(
        _ file: borrowing OwnedDescriptor, _ site: CallSite
    ) throws(HostError) -> Bool {
        guard !isNFS, site.keepsOrder(file) else {
            try site.sync(file)
            return false
        }
        let raw = file.raw
        try site.check { clinux_write_out(raw) }
        return true
    }

    func renameDurably(
        from source: FilePath, to destination: FilePath, replacing: Bool
    ) async throws(HostError) {
        let from = try slot(source, .rename, parentFlags: syncedDirectory)
        let to = try slot(destination, .rename, parentFlags: syncedDirectory)
        let toParent = to.parent.raw
        let result = to.name.withPlatformString { newName in
            from.result { fromParent, oldName in
                Self.rename(fromParent, oldName, toParent, newName, replacing: replacing)
            }
        }
        if case .failure(let errno) = result {
            // Only an absent source is the source's fault; everything else is about the new name.
            let site = errno == .noSuchFileOrDirectory ? from.site : to.site
            throw site.failure(errno, detail: "renaming \(from.site.path) to \(to.site.path)")
        }
        try syncNames(to.parent, to.site)
        if from.site.path.removingLastComponent() != to.site.path.removingLastComponent() {
            try syncNames(from.parent, from.site)
        }
    }

    /// Renames; NFS, among others, cannot do it only where the new name is free.
    ///
    /// There the name is looked at first. Of two that do this at the same moment one may replace what the other has made, but
    /// never a directory that has anything in it, nor a file by a directory: the kernel refuses both.
    private static func rename(
        _ fromParent: CInt, _ from: UnsafePointer<CChar>, _ toParent: CInt, _ to: UnsafePointer<CChar>, replacing: Bool
    ) -> Int {
        guard !replacing else { return clinux_renameat2(fromParent, from, toParent, to, 0) }
        let result = clinux_renameat2(fromParent, from, toParent, to, CLINUX_RENAME_NOREPLACE)
        guard result == -Int(EINVAL) else { return result }
        var status = statx()
        let found = clinux_statx(toParent, to, CLINUX_AT_SYMLINK_NOFOLLOW, UInt32(STATX_BASIC_STATS), &status)
        if found == 0 { return -Int(EEXIST) }
        guard found == -Int(ENOENT) else { return found }
        return clinux_renameat2(fromParent, from, toParent, to, 0)
    }

    func completeDirectory(
        _ directory: FilePath, as destination: FilePath, with file: FilePath.Component, _ bytes: [UInt8],
        permissions: FilePermissions
    ) async throws(HostError) {
        let from = try slot(directory, .rename, parentFlags: syncedDirectory)
        let to = try slot(destination, .rename, parentFlags: syncedDirectory)
        let content = try Resolution.beneath(from.parent.raw).open(
            FilePath(component: from.name), CLINUX_O_READ_DIRECTORY, for: from.site)
        let site = CallSite(.createFile, at: from.site.path.appending(file))
        let last = try Resolution.beneath(content.raw).open(
            FilePath(component: file), CLINUX_O_CREATE_NEW, permissions: [.ownerReadWrite], for: site)
        try site.writeAll(bytes, to: last)
        let raw = last.raw
        try site.check { clinux_fchmod(raw, permissions.rawValue) }
        let isOrdered = try makeContentDurable(last, site)
        if !isOrdered { try syncNames(content, from.site) }
        try Self.rename(from, to)
        do throws(HostError) {
            if isOrdered {
                try site.sync(last)
                try from.site.sync(content)
            }
            try syncNames(to.parent, to.site)
            if from.site.path.removingLastComponent() != to.site.path.removingLastComponent() {
                try syncNames(from.parent, from.site)
            }
        } catch {
            // The caller is told that nothing was made; the error that is reported is the first one.
            try? Self.rename(to, from)
            throw error
        }
    }

    private static func rename(_ from: borrowing Slot, _ to: borrowing Slot) throws(HostError) {
        let toParent = to.parent.raw
        let result = to.name.withPlatformString { newName in
            from.result { fromParent, oldName in
                rename(fromParent, oldName, toParent, newName, replacing: false)
            }
        }
        if case .failure(let errno) = result {
            throw to.site.failure(errno, detail: "renaming \(from.site.path) to \(to.site.path)")
        }
    }

    func syncDirectory(_ path: FilePath) async throws(HostError) {
        let (path, site) = try place(path, allowEmpty: true, .syncDirectory)
        try syncNames(Resolution.beneath(descriptor.raw).open(path, syncedDirectory, for: site), site)
    }

    func syncTree(_ path: FilePath) async throws(HostError) {
        let (path, site) = try place(path, allowEmpty: true, .syncTree)
        let top = try Resolution.beneath(descriptor.raw).open(path, CLINUX_O_READ_DIRECTORY, for: site)
        var walk = try TreeWalk(top, at: site.path, for: .syncTree)
        try walk.syncAll()
    }
}

extension CallSite {
    /// Whether changes of names become durable in the order in which they are made, and content that is written out before a change not
    /// after it: ext4 with a journal and XFS do that, whoever syncs what.
    ///
    /// What cannot be found out is no.
    func keepsOrder(_ directory: borrowing OwnedDescriptor) -> Bool {
        var type: Int64 = 0
        let raw = directory.raw
        guard case .success = result({ clinux_file_system_type(raw, &type) }) else { return false }
        switch type {
        case Int64(XFS_SUPER_MAGIC): return true
        case Int64(EXT4_SUPER_MAGIC): return (try? hasJournal(directory)) ?? false
        default: return false
        }
    }

    private func hasJournal(_ directory: borrowing OwnedDescriptor) throws(HostError) -> Bool {
        let status = try status(of: directory)
        let device = FilePath("/sys/dev/block/\(status.stx_dev_major):\(status.stx_dev_minor)")
        guard let link = SystemAttribute.link(device), let name = FilePath(link).lastComponent,
            let writer = SystemAttribute.read(FilePath("/sys/fs/ext4").appending(name).appending("journal_task"))
        else { return false }
        // The process that writes the journal, or that there is none.
        return Int(writer) != nil
    }
}
