import CLinux
import SystemPackage

/// The files with several names that a copy of a tree has met, so that their copies get several names too.
///
/// It is kept by the file system of the copy, in a directory of its own in the copy's top: for each such file a name made
/// of what identifies the original. So it takes no memory, however many there are, and goes with a copy that is given up.
final class LinkTable {
    private var directory: OwnedDescriptor?
    private var name = ""
    private var top: CInt = -1
    /// Files that have as many names in the copy as its file system gives one, and none here any more.
    private var exhausted: Set<String> = []

    /// Gives the copy of a file one more name; false when the file has not been copied yet.
    func link(_ original: statx, as name: FilePath.Component, in copy: borrowing TreeWalk) throws(HostError) -> Bool {
        guard let table = directory?.raw else { return false }
        let key = Self.key(original)
        let linked = name.withPlatformString { text in copy.result { clinux_linkat(table, key, $0, text) } }
        switch linked {
        case .success: return true
        case .failure(.tooManyLinks) where !exhausted.contains(key):
            // The name here is the one too many: it becomes the last one.
            let moved = name.withPlatformString { text in
                copy.result { clinux_renameat2(table, key, $0, text, CLINUX_RENAME_NOREPLACE) }
            }
            if case .failure(let errno) = moved { throw copy.anywhere.failure(errno, detail: Self.notKept) }
            exhausted.insert(key)
            return true
        case .failure(.noSuchFileOrDirectory) where exhausted.contains(key):
            throw copy.anywhere.failure(.tooManyLinks, detail: Self.notKept)
        case .failure(.noSuchFileOrDirectory): return false
        case .failure(let errno): throw copy.anywhere.failure(errno, detail: Self.notKept)
        }
    }

    /// Remembers the copy of a file.
    ///
    /// - Parameter top: the top of the copy, which stays open for as long as the table is used.
    func note(
        _ original: statx, as name: FilePath.Component, in copy: borrowing TreeWalk, top: borrowing OwnedDescriptor
    ) throws(HostError) {
        if directory == nil { try open(in: top, copy.anywhere) }
        guard let table = directory?.raw else { return }
        let key = Self.key(original)
        let linked = name.withPlatformString { text in copy.result { clinux_linkat($0, text, table, key) } }
        if case .failure(let errno) = linked { throw copy.anywhere.failure(errno, detail: Self.notKept) }
    }

    /// Forgets all files.
    func remove(at site: CallSite) throws(HostError) {
        guard let raw = directory?.raw else { return }
        var reader = DirectoryReader()
        // Once more from the beginning: what is removed can move what follows.
        while true {
            try site.check { clinux_rewind(raw) }
            var isEmpty = true
            while let batch = try reader.next(raw, for: site) {
                for entry in batch {
                    isEmpty = false
                    try site.check { entry.name.withPlatformString { clinux_unlinkat(raw, $0, 0) } }
                }
            }
            if isEmpty { break }
        }
        let (top, name) = (top, name)
        try site.check { clinux_unlinkat(top, name, CLINUX_AT_REMOVEDIR) }
        directory = nil
    }

    /// Makes the directory, once the first file asks for it.
    private func open(in top: borrowing OwnedDescriptor, _ site: CallSite) throws(HostError) {
        let name = RandomName.make(prefix: ".links-")
        let raw = top.raw
        try site.check { clinux_mkdirat(raw, name, 0o700) }
        let made = try Resolution.beneath(raw).open(FilePath(name), CLINUX_O_READ_DIRECTORY, for: site)
        // What limits the copy limits what is copied, and not how. Where there are no projects, nothing is counted here.
        let table = made.raw
        _ = site.result { clinux_set_project(table, 0, false) }
        directory = consume made
        self.name = name
        self.top = raw
    }

    /// A number alone is used again when a file goes while the tree is copied; with the time of its birth it is not.
    private static func key(_ original: statx) -> String {
        let hasBirth = original.stx_mask & UInt32(STATX_BTIME) != 0
        let birth = hasBirth ? original.stx_btime : statx_timestamp()
        let numbers = [
            UInt64(original.stx_dev_major), UInt64(original.stx_dev_minor), original.stx_ino,
            UInt64(bitPattern: birth.tv_sec), UInt64(birth.tv_nsec),
        ]
        return numbers.map { String($0, radix: 16) }.joined(separator: "-")
    }

    private static let notKept = "a hard link cannot be kept"
}
