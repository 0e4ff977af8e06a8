import CLinux
import Glibc
import SystemPackage

extension TreeCopy {
    // MARK: Regular files

    /// Copies a regular file, or gives the copy of another of its names this one as well; or what else the name stands for
    /// by now.
    mutating func copyFile(_ name: FilePath.Component) throws(HostError) {
        switch try openSource(name) {
        case .refused: break
        case .notRegular: try copyNode(name, mountID: sourceMount)
        case .opened(let original, let status):
            do throws(HostError) {
                guard status.stx_nlink > 1 else {
                    try copyFile(original, status, name)
                    return count()
                }
                if try !links.link(status, as: name, in: copy) {
                    try copyFile(original, status, name)
                    try links.note(status, as: name, in: copy, top: top)
                }
                count()
            } catch {
                throw located(error, name)
            }
        }
    }

    private mutating func copyFile(
        _ original: borrowing OwnedDescriptor, _ status: statx, _ name: FilePath.Component
    ) throws(HostError) {
        // What comes right at once need not be changed afterwards. Nobody sees it before: the top of the copy is closed to others.
        let permissions = FilePermissions(rawValue: CInterop.Mode(status.stx_mode & 0o777)).union(.ownerReadWrite)
        let file = try Resolution.beneath(copyDirectory).open(
            FilePath(component: name), CLINUX_O_CREATE_NEW, permissions: permissions, for: copy.anywhere)
        let made = try copy.anywhere.knownStatus(of: file)
        if status.stx_size > 0 { try copyContent(original, to: file, Int64(clamping: status.stx_size)) }
        try attributes.copy(.open(original.raw), status, to: .open(file.raw), madeAs: made, copy.anywhere)
    }

    /// Opens a file of the source; refused when it has gone.
    private mutating func openSource(_ name: FilePath.Component) throws(HostError) -> RegularFiles.Outcome {
        while true {
            let flags = CLINUX_O_READ | (leavesAccessTimes ? CLINUX_O_NOATIME : 0)
            let outcome: RegularFiles.Outcome
            do throws(HostError) {
                outcome = try files.open(name, in: sourceDirectory, flags, for: source.anywhere)
            } catch {
                throw located(error, name)
            }
            switch consume outcome {
            case .refused(.noSuchFileOrDirectory): return .refused(.noSuchFileOrDirectory)
            // Only the owner and the privileged may; what matters more is the copy.
            case .refused(.notPermitted) where leavesAccessTimes: leavesAccessTimes = false
            case .refused(.improperLink): throw otherMount(name)
            case .refused(.tooManySymbolicLinkLevels): return .notRegular
            case .refused(let errno): throw source.site(name).failure(errno)
            case .notRegular: return .notRegular
            case .opened(let file, let status): return .opened(file, status)
            }
        }
    }

    private mutating func copyContent(
        _ original: borrowing OwnedDescriptor, to file: borrowing OwnedDescriptor, _ size: Int64
    ) throws(HostError) {
        let before = progress
        let report = options.progress
        var job = FileCopy(
            source: original.raw, copy: file.raw, size: size, sourceSite: source.anywhere, copySite: copy.anywhere,
            options: CopyOptions(sharing: options.sharing) { step in
                var progress = before
                progress.copiedBytes += step.copiedBytes
                report?(progress)
            })
        job.triesSharing = triesSharing
        job.followsTruncation = true
        let outcome = try job.run()
        triesSharing = job.triesSharing
        switch outcome {
        case .reflink: progress.sharedBytes += size
        case .copied(let bytes): progress.copiedBytes += bytes
        }
    }

    // MARK: Links and special files

    /// Copies what has no content: a symbolic link, device, FIFO or socket.
    mutating func copyNode(_ name: FilePath.Component, mountID: UInt64?) throws(HostError) {
        var status = statx()
        let flags = CLINUX_AT_SYMLINK_NOFOLLOW
        let answer = name.withPlatformString { text in
            source.result { clinux_statx($0, text, flags, StatusMask.full, &status) }
        }
        switch answer {
        case .success: break
        case .failure(.noSuchFileOrDirectory): return
        case .failure(let errno): throw source.site(name).failure(errno)
        }
        if let mountID, status.stx_mask & UInt32(STATX_MNT_ID) != 0, status.stx_mnt_id != mountID {
            throw otherMount(name)
        }
        do throws(HostError) {
            if status.stx_nlink > 1, try links.link(status, as: name, in: copy) { return count() }
            switch FileKind(mode: UInt32(status.stx_mode)) {
            case .symbolicLink: try copySymbolicLink(name)
            case .special: try makeNode(name, status)
            case .regular, .directory: throw changed(name)
            }
            let (from, to) = (Attributed.name(name, in: sourceDirectory), Attributed.name(name, in: copyDirectory))
            try attributes.copy(from, status, to: to, copy.anywhere)
            if status.stx_nlink > 1 { try links.note(status, as: name, in: copy, top: top) }
        } catch {
            throw located(error, name)
        }
        count()
    }

    private func copySymbolicLink(_ name: FilePath.Component) throws(HostError) {
        // No file system has longer ones than a path can be.
        var target = [CChar](repeating: 0, count: Int(PATH_MAX) + 1)
        let read = name.withPlatformString { text in
            source.result { clinux_readlinkat($0, text, &target, Int(PATH_MAX)) }
        }
        switch read {
        case .success(let length): target[length] = 0
        case .failure(.invalidArgument): throw changed(name)
        case .failure(let errno): throw source.anywhere.failure(errno)
        }
        let made = name.withPlatformString { text in copy.result { clinux_symlinkat(target, $0, text) } }
        if case .failure(let errno) = made { throw copy.anywhere.failure(errno) }
    }

    private func makeNode(_ name: FilePath.Component, _ status: statx) throws(HostError) {
        let mode = mode_t(status.stx_mode) & Glibc.S_IFMT | 0o600
        let made = name.withPlatformString { text in
            copy.result { clinux_mknodat($0, text, mode, status.stx_rdev_major, status.stx_rdev_minor) }
        }
        if case .failure(let errno) = made {
            throw copy.anywhere.failure(errno, detail: "the special file cannot be made")
        }
    }
}
