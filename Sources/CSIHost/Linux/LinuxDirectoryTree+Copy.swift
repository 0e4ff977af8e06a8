import CLinux
import SystemPackage

extension LinuxDirectoryTree {
    func copyTree(
        from source: any DirectoryTree, to destination: FilePath, options: TreeCopyOptions
    ) async throws(HostError) -> TreeCopyProgress {
        let slot = try slot(destination, .copyTree)
        guard let source = source as? LinuxDirectoryTree else { throw TreeCopyRule.foreignTree(source) }
        let sourceSite = CallSite(.copyTree, at: source.path)
        // Opened anew: the descriptor that is held would share its place in the directory.
        let original = try Resolution.beneath(source.descriptor.raw).open("", CLINUX_O_READ_DIRECTORY, for: sourceSite)
        // A helper's mount of an export opens no devices: see NFSMounter.
        let files = try RegularFiles(in: original, refusesDevices: source.isNFS, for: sourceSite)
        let copy = try slot.makeEmptyDirectory()
        let top = try Resolution.beneath(copy.raw).open("", CLINUX_O_READ_DIRECTORY, for: slot.site)
        var job = TreeCopy(
            from: try TreeWalk(original, at: source.path, for: .copyTree, isNFS: source.isNFS),
            to: try TreeWalk(copy, at: slot.site.path, for: .copyTree, isNFS: isNFS), top: top,
            files: files, options: options)
        return try job.run()
    }
}

extension LinuxDirectoryTree.Slot {
    /// Makes a directory of a free name, or opens the empty one that has the name.
    fileprivate func makeEmptyDirectory() throws(HostError) -> OwnedDescriptor {
        let made = result { clinux_mkdirat($0, $1, 0o700) }
        switch made {
        case .success, .failure(.fileExists): break
        case .failure(let errno): throw site.failure(errno)
        }
        switch Resolution.beneath(parent.raw).openIfPossible(
            FilePath(component: name), CLINUX_O_READ_DIRECTORY, for: site)
        {
        case .opened(let directory):
            if case .success = made { return directory }
            var reader = DirectoryReader()
            while let batch = try reader.next(directory.raw, for: site) {
                guard batch.isEmpty else { throw site.failure(.directoryNotEmpty) }
            }
            return directory
        case .refused(let errno) where errno == .notDirectory || errno == .tooManySymbolicLinkLevels:
            throw site.failure(.fileExists)
        case .refused(let errno): throw site.failure(errno)
        }
    }
}
