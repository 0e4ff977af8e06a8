import CLinux
import Glibc
import SystemPackage

/// Loop devices on Linux.
struct LinuxLoopDevices: LoopDevices {
    /// How often a device is asked for that others took first, before attaching is given up.
    private static let attempts = 1000
    /// How often a device that is not there is taken for one that somebody removes just now.
    private static let patience = 20

    // MARK: Attaching

    func attach(
        _ file: FilePath, in tree: any DirectoryTree, options: LoopOptions
    ) async throws(HostError) -> LoopDevice {
        guard let tree = tree as? LinuxDirectoryTree else { throw LoopRule.foreignTree(tree, file) }
        let (path, site) = try tree.place(file, .attachLoop)
        let name = try LoopRule.name(of: options, at: site.path)
        let flags = options.isReadOnly ? CLINUX_O_READ : CLINUX_O_READ_WRITE
        let backing = try Resolution.beneath(tree.descriptor.raw).open(path, flags, for: site)
        let metadata = FileMetadata(try site.status(of: backing))
        try LoopRule.check(kind: metadata.kind, size: metadata.size, options: options, at: site.path)
        // The device will share the open file, and so keep the lock until it is detached.
        try site.lockImage(backing, shared: options.isReadOnly)
        do throws(HostError) {
            let configuration = loop_config(backing, options, name)
            return try attach(configuration, of: metadata.identity, at: site.currentPath(of: backing), options, site)
        } catch {
            // A child process that is just being started can hold the descriptor a moment longer.
            _ = clinux_unlock(backing.raw)
            throw error
        }
    }

    private func attach(
        _ configuration: loop_config, of identity: FileIdentity, at backingPath: FilePath, _ options: LoopOptions,
        _ site: CallSite
    ) throws(HostError) -> LoopDevice {
        let control = try openControl(site)
        let flags = options.isReadOnly ? CLINUX_O_READ : CLINUX_O_READ_WRITE
        for attempt in 0..<Self.attempts {
            let number = try free(control, site)
            if options.takesDiscards, renew(number, control) { continue }
            switch try LoopNode.open(number, flags, for: .attachLoop) {
            case .opened(let node):
                guard try configure(node, configuration, options, site) else { break }
                return try verified(node, identity, backingPath, options, site)
            // Somebody removes this device just now.
            case .refused(.noSuchAddressOrDevice): break
            case .refused(.noSuchFileOrDirectory) where attempt < Self.patience: break
            case .refused(.noSuchFileOrDirectory):
                throw site.failure(
                    kind: .noDevice, detail: "there is no \(LoopNode.path(number)): /dev must be the machine's own")
            case .refused(let errno):
                throw site.failure(
                    errno, detail: "\(LoopNode.path(number)) cannot be opened: /dev must be the machine's own")
            }
            // Others were faster. Threads that started together must not go on in step.
            if attempt > 8 { _ = clinux_sleep_milliseconds(CInt.random(in: 0...2)) }
        }
        throw site.failure(kind: .resourceLimit, detail: "others took every loop device that was free")
    }

    /// Removes a free device that was told to refuse discards, so that the next one under its number takes them.
    /// - Returns: whether it did.
    private func renew(_ number: Int, _ control: borrowing OwnedDescriptor) -> Bool {
        guard LoopNode.refusesDiscards(number) else { return false }
        return clinux_loop_remove(control.raw, CInt(truncatingIfNeeded: number)) >= 0
    }

    /// The same for a device that was detached; others may have it by now, and then it stays.
    func renew(_ device: LoopDevice) {
        guard LoopNode.refusesDiscards(device.number),
            let control = try? openControl(CallSite(.detachLoop, at: device.path))
        else { return }
        _ = renew(device.number, control)
    }

    private func openControl(_ site: CallSite) throws(HostError) -> OwnedDescriptor {
        let opened = LoopRule.control.withPlatformString { text in
            site.result { clinux_openat2(CLINUX_AT_FDCWD, text, CLINUX_O_READ_WRITE, 0, 0) }
        }
        switch opened {
        case .success(let raw): return OwnedDescriptor(adopting: CInt(truncatingIfNeeded: raw))
        case .failure(.noSuchFileOrDirectory), .failure(.operationNotSupportedByDevice):
            throw LoopRule.noLoopDevices(site.path)
        case .failure(let errno):
            throw site.failure(errno, detail: "\(LoopRule.control) cannot be opened: run privileged")
        }
    }

    private func free(_ control: borrowing OwnedDescriptor, _ site: CallSite) throws(HostError) -> Int {
        let raw = control.raw
        switch site.result({ clinux_loop_get_free(raw) }) {
        case .success(let number): return number
        case .failure(.noSpace):
            // Not the disk: a backend that took it for full would send the volume elsewhere.
            throw HostError(
                site.operation, at: site.path, kind: .resourceLimit, errno: .noSpace, detail: "no loop device is free")
        case .failure(let errno): throw site.failure(errno, detail: "no free loop device was found")
        }
    }

    /// Attaches the file to a device; false when somebody else has got that device.
    private func configure(
        _ node: borrowing LoopNode, _ configuration: loop_config, _ options: LoopOptions, _ site: CallSite
    ) throws(HostError) -> Bool {
        var configuration = configuration
        let raw = node.descriptor.raw
        switch site.result({ clinux_loop_configure(raw, &configuration) }) {
        case .success: return true
        case .failure(.resourceBusy): return false
        case .failure(.invalidArgument):
            throw site.failure(
                .invalidArgument,
                detail: "Linux 5.8 or later is needed, and a sector size of \(options.sectorSize.rawValue) bytes")
        case .failure(let errno): throw site.failure(errno)
        }
    }

    /// Reads the new device back and compares it with what was asked for.
    private func verified(
        _ node: borrowing LoopNode, _ identity: FileIdentity, _ backingPath: FilePath, _ options: LoopOptions,
        _ site: CallSite
    ) throws(HostError) -> LoopDevice {
        do throws(HostError) {
            guard let status = try node.status() else {
                throw site.failure(kind: .notVerified, detail: "\(node.site.path) was detached again at once")
            }
            let device = try node.device(status, backingPath: backingPath)
            guard device.backing == identity else {
                throw site.failure(kind: .notVerified, detail: "\(device.path) shows the file \(device.backing)")
            }
            guard device.isDirectIO || options.directIO != .required else {
                throw LoopRule.cannotBypassCache(site.path, site.operation)
            }
            guard device.isReadOnly == options.isReadOnly, device.sectorSize == options.sectorSize.rawValue else {
                throw site.failure(kind: .notVerified, detail: "the kernel attached it otherwise than asked: \(device)")
            }
            if !options.takesDiscards { try node.refuseDiscards() }
            return device
        } catch {
            _ = clinux_loop_clear(node.descriptor.raw)
            throw error
        }
    }

    // MARK: Finding

    func attached(to file: FileIdentity) async throws(HostError) -> [LoopDevice] {
        try devices { FileIdentity($0) == file }
    }

    func device(_ number: Int) async throws(HostError) -> LoopDevice? {
        try device(number) { _ in true }
    }

    func list() async throws(HostError) -> [LoopDevice] {
        try devices { _ in true }
    }

    private func devices(where isWanted: (loop_info64) -> Bool) throws(HostError) -> [LoopDevice] {
        var found: [LoopDevice] = []
        for number in try numbers() {
            do throws(HostError) {
                if let device = try device(number, where: isWanted) { found.append(device) }
            } catch {
                // The disk of its file is dead, and with it what the device shows.
                guard [.inputOutput, .stale, .damaged].contains(error.kind) else { throw error }
            }
        }
        return found
    }

    private func device(_ number: Int, where isWanted: (loop_info64) -> Bool) throws(HostError) -> LoopDevice? {
        switch try LoopNode.open(number, CLINUX_O_READ, for: .listLoops) {
        case .opened(let node):
            guard let status = try node.status(), isWanted(status) else { return nil }
            return try node.device(status)
        // Where the kernel knows its file, it is there, and whoever took it for detached could throw away what is used.
        case .refused(.noSuchFileOrDirectory) where LoopNode.backingFile(number) != nil:
            throw HostError(
                .listLoops, at: LoopNode.path(number), kind: .noDevice,
                detail: "the device is attached, and its node is not here: /dev must be the machine's own")
        // It is gone, or goes just now.
        case .refused(let errno):
            guard errno.saysGone else { throw HostError(.listLoops, at: LoopNode.path(number), errno: errno) }
            return nil
        }
    }

    /// The numbers of all loop devices, attached or not, in order.
    private func numbers() throws(HostError) -> [Int] {
        let path: FilePath = "/sys/block"
        let names = SystemAttribute.names(in: path)
        guard !names.isEmpty else {
            throw HostError(.listLoops, at: path, kind: .notFound, detail: "is /sys mounted?")
        }
        return names.map(\.string).filter { $0.hasPrefix("loop") }.compactMap { Int($0.dropFirst(4)) }.sorted()
    }

    // MARK: Changing

    func hold(_ device: LoopDevice) async throws(HostError) -> any HeldDevice {
        LinuxHeldDevice(try node(of: device, for: .holdLoop).intoDescriptor())
    }

    func setDirectIO(_ isDirect: Bool, of device: LoopDevice) async throws(HostError) -> LoopDevice {
        let node = try node(of: device, for: .setLoopDirectIO)
        let raw = node.descriptor.raw
        switch node.site.result({ clinux_loop_set_direct_io(raw, isDirect ? 1 : 0) }) {
        case .success: break
        case .failure(.invalidArgument): throw LoopRule.cannotBypassCache(device.path, .setLoopDirectIO)
        case .failure(let errno): throw node.site.failure(errno)
        }
        return try present(device, node)
    }

    func refreshSize(of device: LoopDevice) async throws(HostError) -> LoopDevice {
        let node = try node(of: device, for: .refreshLoop)
        let raw = node.descriptor.raw
        try node.site.check { clinux_loop_set_capacity(raw) }
        return try present(device, node)
    }

    /// The node of an attachment; while it is open the number is nobody else's.
    private func node(of device: LoopDevice, for operation: HostOperation) throws(HostError) -> LoopNode {
        // Not for writing, which a read-only device refuses.
        switch try LoopNode.open(device.number, CLINUX_O_READ, for: operation) {
        case .refused(let errno):
            throw errno.saysGone
                ? LoopRule.replaced(device, operation) : HostError(operation, at: device.path, errno: errno)
        case .opened(let node):
            guard try node.shows(device) else { throw LoopRule.replaced(device, operation) }
            return node
        }
    }

    /// The attachment as it is now.
    private func present(_ device: LoopDevice, _ node: borrowing LoopNode) throws(HostError) -> LoopDevice {
        guard let status = try node.status() else { throw LoopRule.replaced(device, node.site.operation) }
        return try node.device(status)
    }
}

extension Errno {
    /// Whether opening a device's node failed because the device is gone.
    fileprivate var saysGone: Bool { self == .noSuchFileOrDirectory || self == .noSuchAddressOrDevice }
}

extension LoopNode {
    /// The open descriptor, to be kept.
    fileprivate consuming func intoDescriptor() -> OwnedDescriptor { descriptor }

    /// Whether it still is the attachment that a caller means.
    borrowing func shows(_ device: LoopDevice) throws(HostError) -> Bool {
        guard let status = try status(), FileIdentity(status) == device.backing else { return false }
        guard let wanted = device.sequence, let now = sequence() else { return true }
        return wanted == now
    }
}

extension loop_config {
    /// The configuration for a file.
    fileprivate init(_ backing: borrowing OwnedDescriptor, _ options: LoopOptions, _ name: [UInt8]) {
        self.init()
        fd = UInt32(bitPattern: backing.raw)
        block_size = UInt32(options.sectorSize.rawValue)
        var flags: UInt32 = 0
        if options.isReadOnly { flags |= UInt32(LO_FLAGS_READ_ONLY) }
        if options.directIO != .off { flags |= UInt32(LO_FLAGS_DIRECT_IO) }
        info.lo_flags = flags
        withUnsafeMutableBytes(of: &info.lo_file_name) { field in
            // One byte stays for the NUL.
            for (index, byte) in name.prefix(max(0, field.count - 1)).enumerated() { field[index] = byte }
        }
    }
}

extension CallSite {
    /// Locks an image file for one writer or, shared, for any number of readers.
    func lockImage(_ image: borrowing OwnedDescriptor, shared: Bool) throws(HostError) {
        let raw = image.raw
        switch result({ shared ? clinux_try_shared_lock(raw) : clinux_try_lock(raw) }) {
        case .success: return
        case .failure(.resourceTemporarilyUnavailable):
            throw failure(kind: .lockHeld, detail: "it is attached already, or another process has locked it")
        case .failure(let errno): throw failure(errno, detail: "the file cannot be locked")
        }
    }
}
