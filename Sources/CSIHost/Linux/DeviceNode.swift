import CLinux
import Glibc
import SystemPackage

/// An open block device.
struct DeviceNode: ~Copyable {
    private let descriptor: OwnedDescriptor
    private let site: CallSite
    private let isDirect: Bool

    /// Opens a device to read past the page cache, so that what is read is what the medium holds.
    static func open(_ path: FilePath, for operation: HostOperation) throws(HostError) -> DeviceNode {
        let site = CallSite(operation, at: path)
        // Looked at before it is opened: to open a tape or a FIFO is an effect.
        try requireBlockDevice(path, site)
        switch openIfPossible(path, CLINUX_O_READ | CLINUX_O_DIRECT, for: site) {
        case .opened(let descriptor): return try DeviceNode(descriptor, site, isDirect: true)
        case .refused(.invalidArgument): break
        case .refused(let errno): throw site.failure(errno)
        }
        switch openIfPossible(path, CLINUX_O_READ, for: site) {
        case .opened(let descriptor): return try DeviceNode(descriptor, site, isDirect: false)
        case .refused(let errno): throw site.failure(errno)
        }
    }

    /// Opens a device to write to it, as its only user.
    static func openExclusively(_ path: FilePath, for operation: HostOperation) throws(HostError) -> DeviceNode {
        let site = CallSite(operation, at: path)
        try requireBlockDevice(path, site)
        switch openIfPossible(path, CLINUX_O_READ_WRITE | UInt64(O_EXCL), for: site) {
        case .opened(let descriptor): return try DeviceNode(descriptor, site, isDirect: false)
        case .refused(.resourceBusy):
            throw site.failure(.resourceBusy, detail: "it is mounted, part of another device, or held by a program")
        case .refused(let errno): throw site.failure(errno)
        }
    }

    /// Opens a path through links, for a caller that tells error numbers apart.
    static func openIfPossible(_ path: FilePath, _ flags: UInt64, for site: CallSite) -> Resolution.Outcome {
        let opened = path.withPlatformString { text in
            site.result { clinux_openat2(CLINUX_AT_FDCWD, text, flags, 0, 0) }
        }
        switch opened {
        case .success(let raw): return .opened(OwnedDescriptor(adopting: CInt(truncatingIfNeeded: raw)))
        case .failure(let errno): return .refused(errno)
        }
    }

    private static func requireBlockDevice(_ path: FilePath, _ site: CallSite) throws(HostError) {
        switch openIfPossible(path, CLINUX_O_PATH, for: site) {
        case .opened(let place): try requireBlockDevice(place, site)
        case .refused(let errno): throw site.failure(errno)
        }
    }

    private static func requireBlockDevice(
        _ descriptor: borrowing OwnedDescriptor, _ site: CallSite
    ) throws(HostError) {
        guard UInt32(try site.status(of: descriptor).stx_mode) & UInt32(Glibc.S_IFMT) == UInt32(Glibc.S_IFBLK) else {
            throw site.failure(kind: .wrongType, detail: "it is no block device")
        }
    }

    private init(_ descriptor: consuming OwnedDescriptor, _ site: CallSite, isDirect: Bool) throws(HostError) {
        // Again: something else may have taken the name meanwhile.
        try Self.requireBlockDevice(descriptor, site)
        self.descriptor = descriptor
        self.site = site
        self.isDirect = isDirect
    }

    /// Makes everything written to the device durable.
    func flush() throws(HostError) {
        try site.sync(descriptor)
    }

    /// Reads a page in a process that can be left behind.
    func checkReadable(at offset: Int64, within limit: Duration) throws(HostError) {
        // Through a cache it would say nothing of the device.
        guard isDirect else { return }
        let raw = descriptor.raw
        let work = AbandonedWork("read", of: try number())
        switch try SystemCallChild.run(work, within: limit, site, start: { clinux_start_read(raw, offset, &$0) }) {
        // Its sectors are larger.
        case .ended(nil), .ended(.invalidArgument?): return
        case .ended(let errno?): throw site.failure(errno, detail: "at byte \(offset)")
        case .hung: throw site.failure(kind: .timedOut, detail: "it does not answer a read within \(limit)")
        }
    }

    /// Has the kernel refuse or accept writes.
    func setReadOnly(_ isReadOnly: Bool) throws(HostError) {
        let raw = descriptor.raw
        try site.check { clinux_block_set_read_only(raw, isReadOnly ? 1 : 0) }
    }

    /// The device's number.
    func number() throws(HostError) -> DeviceNumber {
        let status = try site.status(of: descriptor)
        return DeviceNumber(major: status.stx_rdev_major, minor: status.stx_rdev_minor)
    }

    /// Writes bytes, which are durable after a ``flush()``.
    func write(_ bytes: [UInt8], at offset: Int64) throws(HostError) {
        let raw = descriptor.raw
        var written = 0
        while written < bytes.count {
            let start = written
            let count = try site.check(detail: "at byte \(offset + Int64(start))") {
                bytes.withUnsafeBytes { (buffer) in
                    let rest = UnsafeRawBufferPointer(rebasing: buffer[start...])
                    return clinux_pwrite(raw, rest.baseAddress, rest.count, offset + Int64(start))
                }
            }
            guard count > 0 else { throw site.failure(kind: .inputOutput, detail: "it takes no more bytes") }
            written += count
        }
    }

    /// What the kernel counts read-ahead in, whatever the device's own sectors are.
    private static let readAheadUnit: Int64 = 512

    /// How many bytes are read ahead.
    func readAhead() throws(HostError) -> Int64 {
        let raw = descriptor.raw
        var sectors = 0
        try site.check { clinux_block_get_read_ahead(raw, &sectors) }
        let (bytes, overflow) = Int64(sectors).multipliedReportingOverflow(by: Self.readAheadUnit)
        return overflow ? .max : bytes
    }

    /// Changes how many bytes are read ahead.
    func setReadAhead(_ bytes: Int64) throws(HostError) {
        let raw = descriptor.raw
        try site.check { clinux_block_set_read_ahead(raw, UInt(clamping: bytes / Self.readAheadUnit)) }
    }

    /// Reads bytes, fewer at the end of the device.
    func read(at offset: Int64, count: Int) throws(HostError) -> [UInt8] {
        let raw = descriptor.raw
        var size: UInt64 = 0
        var sector: CInt = 0
        try site.check { clinux_block_get_size(raw, &size) }
        try site.check { clinux_block_get_sector_size(raw, &sector) }
        let deviceEnd = Int64(clamping: size)
        guard offset < deviceEnd, count > 0 else { return [] }
        let end = offset + min(Int64(count), deviceEnd - offset)
        // Past the page cache only whole sectors can be read.
        let unit = isDirect ? max(512, Int64(sector)) : 1
        let first = offset / unit * unit
        let length = Int(min(end + (unit - end % unit) % unit, deviceEnd) - first)
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: length, alignment: 4096)
        defer { buffer.deallocate() }
        var filled = 0
        while filled < length {
            let start = filled
            let read = try site.check(detail: "at byte \(first + Int64(start))") {
                clinux_pread(raw, buffer.baseAddress?.advanced(by: start), length - start, first + Int64(start))
            }
            guard read > 0 else {
                throw site.failure(
                    kind: .inputOutput, detail: "it ends at byte \(first + Int64(start)), short of its size")
            }
            filled += read
        }
        let skipped = Int(offset - first)
        return Array(buffer[skipped..<(skipped + Int(end - offset))])
    }
}
