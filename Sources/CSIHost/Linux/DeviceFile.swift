import CLinux
import Glibc
import SystemPackage

/// A block device, or an image file, that is open for reading.
struct DeviceFile: ~Copyable {
    let descriptor: OwnedDescriptor
    let size: Int64
    /// The number of the device; nil for an image file.
    let number: DeviceNumber?
    private let site: CallSite

    /// Opens a device.
    ///
    /// - Parameters:
    ///   - exclusively: whether to fail with kind `busy` when a mount, a device or a program holds it.
    ///   - forWriting: whether it may be written, which some file systems want of a file that is locked.
    init(
        _ path: FilePath, exclusively: Bool = false, forWriting: Bool = false, _ site: CallSite
    ) throws(HostError) {
        let path = try PathRule.absolute(path, site.operation)
        let flags = (forWriting ? CLINUX_O_READ_WRITE : CLINUX_O_READ) | (exclusively ? UInt64(O_EXCL) : 0)
        let descriptor: OwnedDescriptor
        switch Resolution.absolute.openIfPossible(path, flags, for: site) {
        case .opened(let opened): descriptor = opened
        case .refused(.resourceBusy):
            throw site.failure(.resourceBusy, detail: "it is mounted, part of another device, or held by a program")
        case .refused(let errno): throw site.failure(errno)
        }
        let status = try site.status(of: descriptor)
        let raw = descriptor.raw
        let (size, number): (Int64, DeviceNumber?)
        switch UInt32(status.stx_mode) & UInt32(Glibc.S_IFMT) {
        case UInt32(Glibc.S_IFBLK):
            var bytes: UInt64 = 0
            try site.check { clinux_block_size(raw, &bytes) }
            size = Int64(clamping: bytes)
            number = DeviceNumber(major: status.stx_rdev_major, minor: status.stx_rdev_minor)
        case UInt32(Glibc.S_IFREG):
            size = Int64(clamping: status.stx_size)
            number = nil
        default:
            throw site.failure(kind: .wrongType, detail: "neither a block device nor an image file")
        }
        self.site = site
        self.descriptor = descriptor
        self.size = size
        self.number = number
    }

    /// Reads exactly this many bytes.
    func read(at offset: Int64, count: Int) throws(HostError) -> [UInt8] {
        var failure: HostError?
        // Not zeroed first: these are megabytes.
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { (buffer, filled) in
            do throws(HostError) {
                try fill(UnsafeMutableRawBufferPointer(UnsafeMutableBufferPointer(rebasing: buffer[..<count])), offset)
                filled = count
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        return bytes
    }

    /// Reads exactly as many bytes as a buffer has.
    private func fill(_ buffer: UnsafeMutableRawBufferPointer, _ offset: Int64) throws(HostError) {
        let (raw, site) = (descriptor.raw, site)
        var filled = 0
        while filled < buffer.count {
            let rest = UnsafeMutableRawBufferPointer(rebasing: buffer[filled...])
            let place = offset + Int64(filled)
            let got = try site.check(detail: "at offset \(offset)") {
                clinux_pread(raw, rest.baseAddress, rest.count, place)
            }
            guard got > 0 else {
                throw site.failure(kind: .inputOutput, detail: "the device ends at \(place) of \(size)")
            }
            filled += got
        }
    }

    /// The two ends of the device.
    func image() throws(HostError) -> DeviceImage {
        if try hasZeroEnds() { return DeviceImage(zeroesOf: size) }
        let head = try read(at: 0, count: window)
        let tail = size > Int64(window) ? try read(at: tailStart, count: window) : head
        guard let image = DeviceImage(size: size, head: head, tail: tail) else {
            throw site.failure(kind: .inputOutput, detail: "the device changes its size")
        }
        return image
    }

    /// Whether an image file has no data in a window, and so reads as zeroes there.
    private func isHole(_ start: Int64) -> Bool {
        guard isImage else { return false }
        let raw = descriptor.raw
        switch site.result({ clinux_lseek(raw, start, CLINUX_SEEK_DATA) }) {
        case .success(let data): return Int64(data) >= start + Int64(window)
        // Nothing but a hole up to the end.
        case .failure(.noSuchAddressOrDevice): return true
        case .failure: return false
        }
    }

    /// Locks an image file as the device that shows one does.
    func lock() throws(HostError) { try site.lockImage(descriptor, shared: false) }

    /// Gives the lock back, also where a process that is just being started still has the descriptor.
    func unlock() { _ = clinux_unlock(descriptor.raw) }

    /// Whether mkfs failed because the file system around an image is full.
    ///
    /// - Parameter message: what it said. Some call it an input or output error.
    func hasFailedForRoom(_ message: String) -> Bool {
        let little: Int64 = 1 << 20
        if [ENOSPC, EDQUOT].contains(where: { message.contains(String(cString: strerror($0))) }) { return true }
        guard let room = try? site.capacity(of: descriptor) else { return false }
        return room.totalBytes - room.usedBytes < little
    }

    /// Makes what was written to an image file durable, and drops it from the page cache: the device that will show the file reads past
    /// that, and what is read back comes from the disk.
    func settle() throws(HostError) {
        let raw = descriptor.raw
        try site.check { clinux_fsync(raw) }
        dropCache()
    }

    /// Drops what the page cache has of it, so that what is read next comes from the disk.
    func dropCache() { _ = clinux_advise_unneeded(descriptor.raw) }

    var isImage: Bool { number == nil }

    /// Whether nothing but zeroes is at both ends.
    ///
    /// In pieces that stay in the processor's cache: what is formatted is blank, and then this is all that is read.
    func hasZeroEnds() throws(HostError) -> Bool {
        if !isImage {
            // Both ends at once, in requests as large as the device takes.
            let raw = descriptor.raw
            _ = clinux_advise_needed(raw, 0, Int64(window))
            _ = clinux_advise_needed(raw, tailStart, Int64(window))
        }
        return try withUnsafeTemporaryAllocation(byteCount: 64 << 10, alignment: 16) {
            (buffer) -> Result<Bool, HostError> in
            do throws(HostError) {
                guard try areZero(0, buffer) else { return .success(false) }
                return .success(try areZero(tailStart, buffer))
            } catch {
                return .failure(error)
            }
        }.get()
    }

    private func areZero(_ start: Int64, _ buffer: UnsafeMutableRawBufferPointer) throws(HostError) -> Bool {
        if isHole(start) { return true }
        var done = 0
        while done < window {
            let piece = UnsafeMutableRawBufferPointer(rebasing: buffer[..<min(buffer.count, window - done)])
            try fill(piece, start + Int64(done))
            // The first byte is zero, and every other one is as the one before it.
            guard let first = piece.baseAddress, piece[0] == 0, memcmp(first, first + 1, piece.count - 1) == 0 else {
                return false
            }
            done += piece.count
        }
        return true
    }

    private var window: Int { Int(min(size, Int64(DeviceImage.window))) }
    private var tailStart: Int64 { size - Int64(window) }

    /// What the beginning says, which is where a file system of this kind has its superblock.
    ///
    /// Enough where it is known what the device holds, and not to tell what an unknown device holds.
    func superblock(of kind: FileSystemKind) throws(HostError) -> DeviceContent? {
        let head = try read(at: 0, count: Int(min(size, Int64(DeviceImage.superblockEnd(of: kind)))))
        return SuperblockProbe.content(of: kind, in: DeviceImage(size: size, superblocks: head))
    }
}
