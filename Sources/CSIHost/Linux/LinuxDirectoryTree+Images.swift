import CLinux
import SystemPackage

extension LinuxDirectoryTree {
    func createFile(
        _ path: FilePath, size: Int64, allocation: FileAllocation, permissions: FilePermissions
    ) async throws(HostError) {
        let slot = try slot(path, .createFile)
        let site = slot.site
        try ImageRule.check(size: size, .createFile, at: site.path)
        try slot.create { (file) throws(HostError) in
            try site.setSize(of: file, to: size, allocation)
            let raw = file.raw
            try site.check { clinux_fchmod(raw, permissions.rawValue) }
            // A file of zeros is nothing but what the file system keeps of it, which becomes durable with the names of its
            // directory where the order of changes is kept, and always where it is empty.
            if size > 0, !site.keepsOrder(file) { try site.sync(file) }
        }
    }

    func writeNewFile(_ path: FilePath, _ bytes: [UInt8], permissions: FilePermissions) async throws(HostError) {
        let slot = try slot(path, .createFile)
        let site = slot.site
        try slot.create { (file) throws(HostError) in
            try site.writeAll(bytes, to: file)
            let raw = file.raw
            try site.check { clinux_fchmod(raw, permissions.rawValue) }
            try site.sync(file)
        }
    }

    func setFileSize(_ path: FilePath, to size: Int64, allocation: FileAllocation) async throws(HostError) {
        let (path, site) = try place(path, .setFileSize)
        let file = try Resolution.beneath(descriptor.raw).open(path, CLINUX_O_READ_WRITE, for: site)
        let metadata = FileMetadata(try site.status(of: file))
        try ImageRule.check(kind: metadata.kind, .setFileSize, at: site.path)
        try ImageRule.check(growthFrom: metadata.size, to: size, at: site.path)
        if size == metadata.size, allocation == .sparse { return }
        do throws(HostError) {
            try site.setSize(of: file, to: size, allocation)
        } catch {
            // What was added, nobody has used yet; left behind, it would keep the disk full.
            let raw = file.raw
            _ = site.result { clinux_ftruncate(raw, metadata.size) }
            throw error
        }
        try site.sync(file)
    }

    func copyFile(
        from source: FilePath, in origin: any DirectoryTree, to destination: FilePath, options: CopyOptions
    ) async throws(HostError) -> CopyOutcome {
        guard let origin = origin as? LinuxDirectoryTree else { throw TreeCopyRule.foreignTree(origin, .copyFile) }
        let (source, site) = try origin.place(source, .copyFile)
        let original = try Resolution.beneath(origin.descriptor.raw).open(source, CLINUX_O_READ, for: site)
        let metadata = FileMetadata(try site.status(of: original))
        try ImageRule.check(kind: metadata.kind, .copyFile, at: site.path)
        let slot = try slot(destination, .copyFile)
        var outcome = CopyOutcome.reflink
        try slot.create { (copy) throws(HostError) in
            var job = FileCopy(
                source: original.raw, copy: copy.raw, size: metadata.size, sourceSite: site, copySite: slot.site,
                options: options)
            outcome = try job.run()
            let raw = copy.raw
            try slot.site.check { clinux_fchmod(raw, options.permissions.rawValue) }
            try slot.site.sync(copy)
        }
        return outcome
    }

    func isOpen(_ path: FilePath) async throws(HostError) -> Bool {
        let (path, site) = try place(path, .metadata)
        let file = try Resolution.beneath(descriptor.raw).open(path, CLINUX_O_READ, for: site)
        try ImageRule.check(kind: FileMetadata(try site.status(of: file)).kind, .metadata, at: site.path)
        let raw = file.raw
        // An error is of a file system without leases, or of a process that may not take one.
        guard case .success(let isUnopened) = site.result({ clinux_is_unopened(raw) }) else { return true }
        return isUnopened != 1
    }

    func punchHole(in path: FilePath, at offset: Int64, length: Int64) async throws(HostError) {
        let (path, site) = try place(path, .punchHole)
        try ImageRule.check(hole: offset, length: length, at: site.path)
        let file = try Resolution.beneath(descriptor.raw).open(path, CLINUX_O_READ_WRITE, for: site)
        try ImageRule.check(kind: FileMetadata(try site.status(of: file)).kind, .punchHole, at: site.path)
        let raw = file.raw
        try site.check { clinux_punch_hole(raw, offset, length) }
    }
}

extension LinuxDirectoryTree.Slot {
    /// Creates a file under the free name, and removes it when filling it fails.
    func create(_ fill: (borrowing OwnedDescriptor) throws(HostError) -> Void) throws(HostError) {
        let file = try Resolution.beneath(parent.raw).open(
            FilePath(component: name), CLINUX_O_CREATE_NEW, permissions: [.ownerReadWrite], for: site)
        do throws(HostError) {
            try fill(file)
        } catch {
            // The error that is reported is the first one.
            _ = result { clinux_unlinkat($0, $1, 0) }
            throw error
        }
    }
}

extension CallSite {
    /// Gives a file its size.
    fileprivate func setSize(
        of file: borrowing OwnedDescriptor, to size: Int64, _ allocation: FileAllocation
    ) throws(HostError) {
        let raw = file.raw
        guard allocation == .allocated, size > 0 else {
            try check { clinux_ftruncate(raw, size) }
            return
        }
        switch result({ clinux_allocate(raw, 0, size) }) {
        case .success: return
        case .failure(let errno) where HostError.Kind(errno: errno) == .notSupported:
            throw failure(errno, detail: "this file system cannot take room in advance: use thin volumes")
        case .failure(let errno): throw failure(errno)
        }
    }
}
