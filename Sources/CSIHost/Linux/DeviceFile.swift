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
    /// - Parameter exclusively: whether to fail with kind `busy` when a mount, a device or a program holds it.
    init(_ path: FilePath, exclusively: Bool = false, _ site: CallSite) throws(HostError) {
        let path = try PathRule.absolute(path, site.operation)
        let flags = CLINUX_O_READ | (exclusively ? UInt64(O_EXCL) : 0)
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
        let (raw, site, size) = (descriptor.raw, site, size)
        var failure: HostError?
        // Not zeroed first: these are megabytes.
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { (buffer, filled) in
            do throws(HostError) {
                while filled < count {
                    let left = UnsafeMutableBufferPointer(rebasing: buffer[filled..<count])
                    let rest = UnsafeMutableRawBufferPointer(left)
                    let place = offset + Int64(filled)
                    let got = try site.check(detail: "at offset \(offset)") {
                        clinux_pread(raw, rest.baseAddress, rest.count, place)
                    }
                    guard got > 0 else {
                        throw site.failure(kind: .inputOutput, detail: "the device ends at \(place) of \(size)")
                    }
                    filled += got
                }
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        return bytes
    }

    /// The two ends of the device.
    func image() throws(HostError) -> DeviceImage {
        let count = Int(min(size, Int64(DeviceImage.window)))
        // Both ends at once, in requests as large as the device takes.
        let (raw, tailStart) = (descriptor.raw, size - Int64(count))
        _ = clinux_advise_needed(raw, 0, Int64(count))
        _ = clinux_advise_needed(raw, tailStart, Int64(count))
        let head = try read(at: 0, count: count)
        let tail = size > Int64(count) ? try read(at: tailStart, count: count) : head
        guard let image = DeviceImage(size: size, head: head, tail: tail) else {
            throw site.failure(kind: .inputOutput, detail: "the device changes its size")
        }
        return image
    }

    /// What the beginning says, which is where the file systems that are made here have their superblock.
    ///
    /// Enough where it is known what the device holds, and not to tell what an unknown device holds.
    func superblock() throws(HostError) -> DeviceContent? {
        let head = try read(at: 0, count: Int(min(size, Int64(DeviceImage.superblocks))))
        return SuperblockProbe.examine(DeviceImage(size: size, superblocks: head)).content
    }
}
