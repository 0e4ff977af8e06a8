import CLinux
import SystemPackage

extension TreeWalk {
    /// Makes the current directory and everything below it belong to a project.
    mutating func setProject(_ project: UInt32, _ files: RegularFiles) throws(HostError) {
        while let level = current {
            if !level.isRead {
                // First of all, so that what is made meanwhile has it already.
                if case .failure(let errno) = result({ clinux_set_project($0, project, true) }) {
                    throw failed(errno, nil)
                }
                try setProjectOfFiles(project, files, in: level)
            }
            if let next = level.pending.popLast() {
                // What is absent, or another mount's, is left alone.
                _ = try enter(next)
                continue
            }
            _ = try leave()
        }
    }

    private mutating func setProjectOfFiles(
        _ project: UInt32, _ files: RegularFiles, in level: Level
    ) throws(HostError) {
        var directories: [FilePath.Component] = []
        try read { (walk, entry) throws(HostError) in
            switch entry.kind {
            case .directory: directories.append(entry.name)
            case .regular: try walk.setProject(project, of: entry.name, files)
            case .symbolicLink, .special: break
            }
            return true
        }
        level.pending = directories
    }

    private func setProject(
        _ project: UInt32, of name: FilePath.Component, _ files: RegularFiles
    ) throws(HostError) {
        guard let raw = current?.descriptor?.raw else { return }
        switch try files.open(name, in: raw, CLINUX_O_READ, for: anywhere) {
        case .opened(let file, _):
            let raw = file.raw
            if case .failure(let errno) = anywhere.result({ clinux_set_project(raw, project, false) }) {
                throw failed(errno, name)
            }
        case .notRegular: break
        case .refused(.noSuchFileOrDirectory): break
        case .refused(.improperLink): break
        case .refused(let errno): throw site(name).failure(errno)
        }
    }

    private func failed(_ errno: Errno, _ name: FilePath.Component?) -> HostError {
        // ENOTTY is what file systems without attributes say.
        guard CallSite.meansNoQuotas(errno) || errno == Errno(rawValue: 25) else { return site(name).failure(errno) }
        return QuotaRule.noQuotas(.setProject, at: site(name).path)
    }
}
