import CLinux
import Glibc
import SystemPackage

/// An open loop device.
struct LoopNode: ~Copyable {
    let number: Int
    let descriptor: OwnedDescriptor
    let site: CallSite

    static func path(_ number: Int) -> FilePath { FilePath("/dev/loop\(number)") }

    /// What opening came to.
    enum Opening: ~Copyable {
        case opened(LoopNode)
        case refused(Errno)
    }

    /// Opens a device by its number.
    static func open(_ number: Int, _ flags: UInt64, for operation: HostOperation) throws(HostError) -> Opening {
        let site = CallSite(operation, at: path(number))
        let result = site.path.withPlatformString { text in
            site.result { clinux_openat2(CLINUX_AT_FDCWD, text, flags, 0, UInt64(RESOLVE_NO_MAGICLINKS)) }
        }
        switch result {
        case .failure(let errno): return .refused(errno)
        case .success(let raw):
            let descriptor = OwnedDescriptor(adopting: CInt(truncatingIfNeeded: raw))
            // A container can have anything under this name.
            guard FileMetadata(try site.status(of: descriptor)).specialDevice?.major == 7 else {
                throw site.failure(kind: .wrongType, detail: "it is no loop device: /dev must be the machine's own")
            }
            return .opened(LoopNode(number: number, descriptor: descriptor, site: site))
        }
    }

    /// What the kernel knows about the attachment; nil when no file is attached.
    func status() throws(HostError) -> loop_info64? {
        var status = loop_info64()
        let raw = descriptor.raw
        switch site.result({ clinux_loop_get_status(raw, &status) }) {
        case .success: return status
        case .failure(.noSuchAddressOrDevice): return nil
        case .failure(let errno): throw site.failure(errno)
        }
    }

    /// The number that the kernel gave this attachment; nil when it is too old to.
    func sequence() -> UInt64? {
        var number: UInt64 = 0
        let raw = descriptor.raw
        guard case .success = site.result({ clinux_block_get_disk_sequence(raw, &number) }) else { return nil }
        return number
    }

    /// The device with a status read from it a moment ago.
    ///
    /// - Parameter backingPath: where the file is; nil to ask the kernel.
    func device(_ status: loop_info64, backingPath: FilePath? = nil) throws(HostError) -> LoopDevice {
        let raw = descriptor.raw
        var size: UInt64 = 0
        var sector: CInt = 0
        try site.check { clinux_block_get_size(raw, &size) }
        try site.check { clinux_block_get_sector_size(raw, &sector) }
        guard let number = FileMetadata(try site.status(of: descriptor)).specialDevice else {
            throw site.failure(kind: .wrongType)
        }
        var status = status
        let name = withUnsafeBytes(of: &status.lo_file_name) { bytes in
            String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        }
        let flags = status.lo_flags
        return LoopDevice(
            number: self.number, path: site.path, device: number, backing: FileIdentity(status),
            backingPath: (backingPath ?? backingFile()).map(\.string) ?? "", name: name,
            isReadOnly: flags & UInt32(LO_FLAGS_READ_ONLY) != 0,
            isDirectIO: flags & UInt32(LO_FLAGS_DIRECT_IO) != 0,
            isDetachedOnLastClose: flags & UInt32(LO_FLAGS_AUTOCLEAR) != 0, sectorSize: Int(sector),
            offset: Int64(clamping: status.lo_offset), size: Int64(clamping: size), sequence: sequence())
    }

    /// Has the device refuse discards.
    ///
    /// This outlives the attachment, and some kernels do not take it back: see ``refusesDiscards(_:)``.
    func refuseDiscards() throws(HostError) {
        let limit = Self.queue(number).appending("discard_max_bytes")
        guard Self.value(limit) != 0 else { return }
        let writing = CallSite(site.operation, at: limit)
        try writing.check(detail: "the device cannot be kept from giving room back: run privileged") {
            SystemAttribute.write("0", to: limit)
        }
    }

    /// Whether the device under a number was told to refuse discards, by what was attached there last.
    static func refusesDiscards(_ number: Int) -> Bool {
        let queue = queue(number)
        return value(queue.appending("discard_max_bytes")) == 0
            && (value(queue.appending("discard_max_hw_bytes")) ?? 0) > 0
    }

    private static func queue(_ number: Int) -> FilePath { FilePath("/sys/block/loop\(number)/queue") }

    private static func value(_ path: FilePath) -> Int64? { SystemAttribute.read(path).flatMap { Int64($0) } }

    /// Where the kernel saw the file last; nil when it does not say.
    private func backingFile() -> FilePath? { Self.backingFile(number) }

    /// The same of a device whose node need not be there.
    static func backingFile(_ number: Int) -> FilePath? {
        SystemAttribute.read(FilePath("/sys/block/loop\(number)/loop/backing_file")).map { FilePath($0) }
    }
}

extension FileIdentity {
    /// The identity of the file behind a loop device.
    init(_ status: loop_info64) {
        self.init(
            device: DeviceNumber(
                major: gnu_dev_major(UInt(status.lo_device)), minor: gnu_dev_minor(UInt(status.lo_device))),
            inode: status.lo_inode)
    }
}
