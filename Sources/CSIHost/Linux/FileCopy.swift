import CLinux
import Glibc
import SystemPackage

/// Copies the content of one open file into another, new one.
struct FileCopy {
    /// How much is copied between two looks at whether the task is cancelled.
    private static let step: Int64 = 16 << 20

    /// How much is copied at once where the kernel cannot do it.
    private static let bufferSize = 1 << 20

    /// The smallest hole that is kept where holes have to be searched for.
    private static let blockSize = 4096

    let source: CInt
    let copy: CInt
    let size: Int64
    let sourceSite: CallSite
    let copySite: CallSite
    let options: CopyOptions

    /// Whether sharing is tried; false afterwards when these two file systems never can.
    var triesSharing = true

    /// Whether a source that becomes shorter while it is copied makes a shorter copy; otherwise that is an error.
    var followsTruncation = false

    init(
        source: CInt, copy: CInt, size: Int64, sourceSite: CallSite, copySite: CallSite, options: CopyOptions
    ) {
        self.source = source
        self.copy = copy
        self.size = size
        self.sourceSite = sourceSite
        self.copySite = copySite
        self.options = options
    }

    /// Whether blocks of zeros are left out, so that holes stay holes where the source does not say where it has them.
    private var skipsZeros = false

    /// Copies everything; nothing is durable yet.
    mutating func run() throws(HostError) -> CopyOutcome {
        try checkCancellation()
        if options.sharing != .never, triesSharing, try share() { return .reflink }
        guard options.sharing != .required else { throw ImageRule.cannotShare(sourceSite.path) }
        _ = clinux_advise_sequential(source)
        var copied: Int64 = 0
        var position: Int64 = 0
        // Where blocks must not be shared the kernel's own copying will not do: it may share them.
        var inKernel = options.sharing != .never
        while let extent = try nextData(after: position) {
            if extent == 0..<size, try hasHoles() { (skipsZeros, inKernel) = (true, false) }
            position = extent.lowerBound
            while position < extent.upperBound {
                let end = min(extent.upperBound, position + Self.step)
                let reached = try copyStep(position..<end, inKernel: &inKernel)
                copied += reached - position
                position = reached
                options.progress?(CopyProgress(copiedBytes: copied, position: position, totalBytes: size))
                try checkCancellation()
                if position < end {
                    if skipsZeros { try setSize(position) }
                    return .copied(bytes: copied)
                }
            }
        }
        // Holes at the end need nothing else.
        if position < size || skipsZeros { try setSize(size) }
        options.progress?(CopyProgress(copiedBytes: copied, position: size, totalBytes: size))
        return .copied(bytes: copied)
    }

    private func setSize(_ size: Int64) throws(HostError) {
        try copySite.check { clinux_ftruncate(copy, size) }
    }

    /// Whether the source takes up less room than its size: NFS before 4.2 does not say where its holes are.
    private func hasHoles() throws(HostError) -> Bool {
        var status = statx()
        try sourceSite.check { clinux_statx(source, "", CLINUX_AT_EMPTY_PATH, StatusMask.full, &status) }
        let metadata = FileMetadata(status)
        return metadata.allocatedBytes < metadata.size
    }

    private func checkCancellation() throws(HostError) {
        if Task.isCancelled { throw copySite.failure(kind: .cancelled) }
    }

    /// Shares all blocks, if the file system can.
    private mutating func share() throws(HostError) -> Bool {
        switch copySite.result({ clinux_clone_file(copy, source) }) {
        case .success: return true
        // This file cannot be shared, and others can.
        case .failure(.invalidArgument), .failure(.badFileDescriptor): return false
        case .failure(let errno)
        where errno == .improperLink || errno.rawValue == ENOTTY || HostError.Kind(errno: errno) == .notSupported:
            triesSharing = false
            return false
        case .failure(let errno): throw copySite.failure(errno)
        }
    }

    /// The next part that holds data; nil when only a hole is left.
    private func nextData(after position: Int64) throws(HostError) -> Range<Int64>? {
        guard position < size else { return nil }
        let start: Int64
        switch sourceSite.result({ clinux_lseek(source, position, CLINUX_SEEK_DATA) }) {
        case .success(let offset): start = Int64(offset)
        case .failure(.noSuchAddressOrDevice): return nil
        // A file system that knows no holes has none.
        case .failure(.invalidArgument): return position..<size
        case .failure(let errno): throw sourceSite.failure(errno)
        }
        guard start < size else { return nil }
        let end = Int64(try sourceSite.check { clinux_lseek(source, start, CLINUX_SEEK_HOLE) })
        return start..<max(start + 1, min(end, size))
    }

    /// - Returns: how far it came: less than all of it only where the source has become shorter.
    private func copyStep(_ range: Range<Int64>, inKernel: inout Bool) throws(HostError) -> Int64 {
        var position = range.lowerBound
        while inKernel, position < range.upperBound {
            let (from, count) = (position, Int(range.upperBound - position))
            switch copySite.result({ clinux_copy_file_range(source, copy, from, count) }) {
            case .success(0): inKernel = false
            case .success(let copied): position += Int64(copied)
            case .failure(let errno):
                guard Self.leavesCopyingToUs(errno) else { throw copySite.failure(errno) }
                inKernel = false
            }
        }
        if position < range.upperBound { position = try copyByHand(position..<range.upperBound) }
        // Writing begins now, so that the final sync has less to wait for; small files are better written many at once.
        if size > Self.bufferSize { _ = clinux_start_writing(copy, range.lowerBound, position - range.lowerBound) }
        return position
    }

    private static func leavesCopyingToUs(_ errno: Errno) -> Bool {
        errno == .improperLink || errno == .invalidArgument || errno == .badFileDescriptor
            || HostError.Kind(errno: errno) == .notSupported
    }

    private func copyByHand(_ range: Range<Int64>) throws(HostError) -> Int64 {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: Self.bufferSize, alignment: 4096)
        defer { buffer.deallocate() }
        var position = range.lowerBound
        while position < range.upperBound {
            let from = position
            let count = min(buffer.count, Int(range.upperBound - from))
            let filled = try sourceSite.check { clinux_pread(source, buffer.baseAddress, count, from) }
            guard filled > 0 else {
                if followsTruncation { return position }
                throw sourceSite.failure(kind: .notVerified, detail: "it became smaller while it was copied")
            }
            let data = UnsafeRawBufferPointer(rebasing: buffer[..<filled])
            for part in skipsZeros ? Self.parts(of: data) : [0..<filled] {
                var written = part.lowerBound
                while written < part.upperBound {
                    let start = written
                    written += try copySite.check {
                        clinux_pwrite(
                            copy, data.baseAddress?.advanced(by: start), part.upperBound - start, from + Int64(start))
                    }
                }
            }
            position += Int64(filled)
        }
        return position
    }

    /// The parts of a buffer that are more than zeros, in whole blocks.
    private static func parts(of data: UnsafeRawBufferPointer) -> [Range<Int>] {
        var parts: [Range<Int>] = []
        for start in stride(from: 0, to: data.count, by: blockSize) {
            let end = min(start + blockSize, data.count)
            let block = UnsafeRawBufferPointer(rebasing: data[start..<end])
            guard isData(block) else { continue }
            if let last = parts.last, last.upperBound == start {
                parts[parts.count - 1] = last.lowerBound..<end
            } else {
                parts.append(start..<end)
            }
        }
        return parts
    }

    /// Whether there is anything but zeros: a block that equals itself one byte further on is all of its first byte.
    private static func isData(_ block: UnsafeRawBufferPointer) -> Bool {
        guard let start = block.baseAddress, block.first == 0 else { return true }
        return memcmp(start, start + 1, block.count - 1) != 0
    }
}
