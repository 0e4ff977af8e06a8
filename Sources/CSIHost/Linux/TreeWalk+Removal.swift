import CLinux
import SystemPackage

extension TreeWalk {
    /// How many non-empty directories to note before entering them: bounds memory in a wide tree.
    private static let batch = 1024

    /// How often a directory may turn out not to be empty after it was emptied.
    private static let refills = 16

    /// Removes one name in the current directory with everything below it.
    mutating func removeAll(_ name: FilePath.Component) throws(HostError) {
        guard let top = current, try !remove(name, isDirectory: false) else { return }
        top.isRead = true
        top.pending = [name]
        var refills = 0
        while let level = current {
            if let next = level.pending.popLast() {
                try descend(into: next)
            } else if level === top {
                return
            } else if try empty(level), let left = try leave(), try !remove(left, isDirectory: true) {
                // Somebody adds to it, or the file system skipped names while others were removed.
                refills += 1
                guard refills <= Self.refills else {
                    throw site(left).failure(.directoryNotEmpty, detail: "something keeps adding to it")
                }
                current?.pending.append(left)
            }
        }
    }

    private mutating func descend(into name: FilePath.Component) throws(HostError) {
        switch try enter(name) {
        case .entered, .absent: break
        case .notDirectory:
            guard try remove(name, isDirectory: false) else {
                throw site(name).failure(kind: .notVerified, detail: "it changed while the tree was removed; try again")
            }
        case .otherMount: throw site(name).failure(kind: .busy, detail: Self.mounted)
        }
    }

    /// Removes what can be removed at once from the current directory and notes the directories that cannot.
    ///
    /// - Returns: whether nothing was left.
    private mutating func empty(_ level: Level) throws(HostError) -> Bool {
        var directories: [FilePath.Component] = []
        try read { (walk, entry) throws(HostError) in
            if try !walk.remove(entry.name, isDirectory: entry.kind == .directory) { directories.append(entry.name) }
            return directories.count < Self.batch
        }
        level.pending = directories
        return directories.isEmpty
    }

    /// Removes one name in the current directory; false when it is a directory that is not empty.
    private func remove(_ name: FilePath.Component, isDirectory: Bool) throws(HostError) -> Bool {
        // Also an empty one, which could be removed as a directory, since its quota group would stay.
        if isDirectory, try removeSubvolume(name) { return true }
        let flags = isDirectory ? CLINUX_AT_REMOVEDIR : 0
        switch name.withPlatformString({ text in result { clinux_unlinkat($0, text, flags) } }) {
        case .success, .failure(.noSuchFileOrDirectory): return true
        case .failure(.isDirectory) where !isDirectory: return try remove(name, isDirectory: true)
        case .failure(.notDirectory) where isDirectory: return try remove(name, isDirectory: false)
        case .failure(.directoryNotEmpty), .failure(.fileExists): return false
        case .failure(.resourceBusy): throw site(name).failure(.resourceBusy, detail: Self.mounted)
        case .failure(let errno) where errno == .notPermitted || errno == .permissionDenied:
            throw site(name).failure(errno, detail: protection(of: name))
        case .failure(let errno): throw site(name).failure(errno)
        }
    }

    private static var mounted: String { "something is mounted there, and other mounts are left alone" }

    /// Says what protects a name from removal, as far as the file system tells.
    private func protection(of name: FilePath.Component) -> String {
        for (path, what) in [(FilePath(component: name), "it"), ("", "its directory")] {
            var status = statx()
            let flags = CLINUX_AT_SYMLINK_NOFOLLOW | (path.isEmpty ? CLINUX_AT_EMPTY_PATH : 0)
            let answer = path.withPlatformString { text in
                result { clinux_statx($0, text, flags, UInt32(STATX_BASIC_STATS), &status) }
            }
            guard case .success = answer else { continue }
            let protecting = UInt64(STATX_ATTR_IMMUTABLE | STATX_ATTR_APPEND)
            if status.stx_attributes & protecting != 0 {
                return "\(what) is immutable or append-only: see chattr(1)"
            }
        }
        return "the process may not change its directory"
    }
}
