import CLinux
import SystemPackage

extension TreeWalk {
    /// Makes everything from the current directory down durable: each directory after what it names.
    mutating func syncAll() throws(HostError) {
        while let level = current {
            if !level.isRead { try syncFiles(into: level) }
            if let next = level.pending.popLast() {
                // What is absent, or another mount's, is nobody's to sync.
                _ = try enter(next)
                continue
            }
            if case .failure(let errno) = result({ clinux_fsync($0) }) { throw site().failure(errno) }
            _ = try leave()
        }
    }

    /// Makes the files in the current directory durable and notes the directories in it.
    private mutating func syncFiles(into level: Level) throws(HostError) {
        var directories: [FilePath.Component] = []
        try read { (walk, entry) throws(HostError) in
            switch entry.kind {
            case .directory: directories.append(entry.name)
            case .regular: try walk.syncFile(entry.name)
            // Links live in their directory; special files have no content.
            case .symbolicLink, .special: break
            }
            return true
        }
        level.pending = directories
    }

    private func syncFile(_ name: FilePath.Component) throws(HostError) {
        let rules = UInt64(RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV)
        let opened = name.withPlatformString { text in
            result { clinux_openat2($0, text, CLINUX_O_READ, 0, rules) }
        }
        switch opened {
        case .success(let number):
            let file = OwnedDescriptor(adopting: CInt(truncatingIfNeeded: number))
            do throws(HostError) {
                try anywhere.sync(file)
            } catch {
                throw located(error, name)
            }
        case .failure(.noSuchFileOrDirectory), .failure(.improperLink): break
        case .failure(let errno): throw site(name).failure(errno)
        }
    }
}
