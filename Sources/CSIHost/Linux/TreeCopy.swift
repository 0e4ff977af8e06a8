import CLinux
import Glibc
import SystemPackage

/// A copy of a directory tree in the making: two walks in step, one through the source and one through the copy.
///
/// Memory does not grow with the tree: a directory is read a buffer at a time and left for what is below it in the middle,
/// only the deepest directories keep what was read of them, and the files with several names are remembered by the file
/// system of the copy itself: see ``LinkTable``.
struct TreeCopy: ~Copyable {
    /// A directory on the way down, as far as it has been read.
    private struct Frame {
        let status: statx
        var batch: [DirectoryReader.Record] = []
        var next = 0
        /// Where the kernel goes on reading after the last entry that was taken.
        var offset: Int64 = 0
        /// Whether the kernel has to be told so, because the directory was closed meanwhile.
        var isReopened = false
    }

    let options: TreeCopyOptions
    var source: TreeWalk
    var copy: TreeWalk
    private var frames: [Frame] = []
    private var reader = DirectoryReader()
    let files: RegularFiles
    let top: OwnedDescriptor
    let attributes = AttributeCopy()
    let links = LinkTable()
    var progress = TreeCopyProgress()
    /// Whether the two file systems can share blocks, as far as is known.
    var triesSharing: Bool
    /// Whether the source can be read without a trace in its access times.
    var leavesAccessTimes = true

    /// Starts a copy.
    ///
    /// - Parameters:
    ///   - source: where it is from.
    ///   - copy: an empty directory.
    ///   - top: the same directory.
    ///   - files: opens the source's files.
    init(
        from source: consuming TreeWalk, to copy: consuming TreeWalk, top: consuming OwnedDescriptor,
        files: RegularFiles, options: TreeCopyOptions
    ) {
        self.source = source
        self.copy = copy
        self.top = top
        self.files = files
        self.options = options
        triesSharing = options.sharing != .never
    }

    /// Copies everything and makes it durable.
    mutating func run() throws(HostError) -> TreeCopyProgress {
        try prepareTop()
        try begin()
        while !frames.isEmpty {
            if Task.isCancelled { throw copy.site().failure(kind: .cancelled) }
            if let entry = try nextEntry() {
                try copyEntry(entry)
            } else {
                try finishDirectory()
            }
        }
        // Once for all: syncing every file by itself costs a commit of the journal each. Also what others have written to
        // the file system waits here, which the kernel limits to what was dirty when this began.
        let raw = top.raw
        try copy.anywhere.check { clinux_syncfs(raw) }
        return progress
    }

    /// The numbers of the directories that both walks are in.
    var sourceDirectory: CInt { source.current?.descriptor?.raw ?? -1 }
    var copyDirectory: CInt { copy.current?.descriptor?.raw ?? -1 }

    /// The mount that the source's current directory is on.
    var sourceMount: UInt64? { frames.last?.status.stx_mnt_id }

    /// Says that one more entry is there.
    mutating func count() {
        progress.entries += 1
        options.progress?(progress)
    }

    // MARK: Directories

    /// Takes from the empty directory what it got from its parent and would hand on to what is made in it.
    private func prepareTop() throws(HostError) {
        if case .failure(let errno) = copy.result({ clinux_fchmod($0, 0o700) }) { throw copy.site().failure(errno) }
        for name in AttributeCopy.inherited {
            _ = copy.result { clinux_fremovexattr($0, name) }
        }
    }

    /// Notes what the directory is that the walks have just entered.
    private mutating func begin() throws(HostError) {
        attributes.forgetLists()
        guard source.current?.identity != copy.levels.first?.identity else {
            throw copy.anywhere.failure(kind: .invalidArgument, detail: "the copy lies in what is to be copied")
        }
        frames.append(Frame(status: try status(ofSourceDirectory: sourceDirectory)))
        let open = frames.count - TreeWalk.openLevels
        if open > 0 {
            frames[open - 1].batch = []
            frames[open - 1].next = 0
            frames[open - 1].isReopened = true
        }
    }

    private func status(ofSourceDirectory raw: CInt) throws(HostError) -> statx {
        do throws(HostError) {
            return try source.anywhere.fullStatus(of: raw)
        } catch {
            throw source.located(error)
        }
    }

    /// Enters a directory of the source and makes its copy.
    private mutating func copyDirectory(_ name: FilePath.Component) throws(HostError) {
        switch try source.enter(name) {
        case .entered: break
        case .absent: return
        case .notDirectory: throw changed(name)
        case .otherMount: throw otherMount(name)
        }
        let made = name.withPlatformString { text in copy.result { clinux_mkdirat($0, text, 0o700) } }
        if case .failure(let errno) = made { throw copy.site(name).failure(errno) }
        guard case .entered = try copy.enter(name) else {
            throw copy.site(name).failure(kind: .notVerified, detail: "somebody else changes the copy")
        }
        try begin()
    }

    /// Gives the copy of a directory its attributes, now that nothing more is made in it, and goes back up.
    private mutating func finishDirectory() throws(HostError) {
        guard let frame = frames.popLast() else { return }
        if frames.isEmpty { try links.remove(at: copy.anywhere) }
        do throws(HostError) {
            try attributes.copy(.open(sourceDirectory), frame.status, to: .open(copyDirectory), copy.anywhere)
        } catch {
            throw located(error)
        }
        attributes.forgetLists()
        count()
        _ = try source.leave()
        _ = try copy.leave()
    }

    // MARK: Entries

    /// The next entry of the current directory; nil at its end.
    private mutating func nextEntry() throws(HostError) -> DirectoryEntry? {
        guard var frame = frames.popLast() else { return nil }
        defer { frames.append(frame) }
        while frame.next >= frame.batch.count {
            if frame.isReopened {
                let offset = frame.offset
                let sought = source.result { clinux_lseek($0, offset, SEEK_SET) }
                if case .failure(let errno) = sought { throw source.site().failure(errno) }
                frame.isReopened = false
            }
            do throws(HostError) {
                guard let batch = try reader.nextRecords(sourceDirectory, for: source.anywhere) else { return nil }
                frame.batch = batch
                frame.next = 0
            } catch {
                throw source.located(error)
            }
        }
        let record = frame.batch[frame.next]
        frame.next += 1
        frame.offset = record.nextOffset
        return record.entry
    }

    private mutating func copyEntry(_ entry: DirectoryEntry) throws(HostError) {
        switch entry.kind {
        case .directory: try copyDirectory(entry.name)
        case .regular: try copyFile(entry.name)
        case .symbolicLink, .special: try copyNode(entry.name, mountID: sourceMount)
        }
    }

    // MARK: Errors

    /// The error with the whole path in that of the two trees whose top it names.
    func located(_ error: HostError, _ name: FilePath.Component? = nil) -> HostError {
        error.path == copy.anywhere.path ? copy.located(error, name) : source.located(error, name)
    }

    func changed(_ name: FilePath.Component) -> HostError {
        source.site(name).failure(kind: .notVerified, detail: "it changed while the tree was copied; try again")
    }

    func otherMount(_ name: FilePath.Component) -> HostError {
        source.site(name).failure(
            .improperLink, detail: "something is mounted there, which is no part of the tree: unmount it first")
    }
}

extension CallSite {
    /// Reads the status of an open file with all that a copy needs.
    func fullStatus(of raw: CInt) throws(HostError) -> statx {
        var status = statx()
        try check { clinux_statx(raw, "", CLINUX_AT_EMPTY_PATH, StatusMask.full, &status) }
        return status
    }
}

/// What is asked of the kernel about a file.
enum StatusMask {
    /// All that a copy needs; the time of birth is not there on every file system.
    static var full: UInt32 { UInt32(STATX_BASIC_STATS | STATX_MNT_ID | STATX_BTIME) }
}
