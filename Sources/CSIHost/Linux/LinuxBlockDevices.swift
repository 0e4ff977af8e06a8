import CLinux
import Glibc
import SystemPackage

/// Block devices on Linux.
struct LinuxBlockDevices: BlockDevices {
    /// The longest wait without a look, in milliseconds.
    ///
    /// udevd makes its links, and finds out about serial numbers, some time after the kernel's news. To look at all devices costs more than to look at one.
    private static func longestPause(_ selector: BlockDeviceSelector) -> CInt {
        switch selector {
        case .path, .number: 100
        case .serial, .worldWideID: 1000
        }
    }

    // MARK: Finding

    func device(at path: FilePath) async throws(HostError) -> BlockDevice? {
        try find(at: PathRule.absolute(path, .inspectDevice), .inspectDevice)
    }

    func device(_ number: DeviceNumber) async throws(HostError) -> BlockDevice? {
        try UdevContext(CallSite(.inspectDevice, at: "/sys/dev/block")).device(number)
    }

    func list() async throws(HostError) -> [BlockDevice] {
        let site = CallSite(.listDevices, at: "/sys/block")
        return try UdevContext(site).devices(site).sorted { $0.name < $1.name }
    }

    private func find(at path: FilePath, _ operation: HostOperation) throws(HostError) -> BlockDevice? {
        let site = CallSite(operation, at: path)
        var status = statx()
        let answer = path.withPlatformString { text in
            site.result { clinux_statx(CLINUX_AT_FDCWD, text, 0, UInt32(STATX_BASIC_STATS), &status) }
        }
        switch answer {
        case .success: break
        case .failure(.noSuchFileOrDirectory): return nil
        case .failure(let errno): throw site.failure(errno)
        }
        guard UInt32(status.stx_mode) & UInt32(Glibc.S_IFMT) == UInt32(Glibc.S_IFBLK) else {
            throw site.failure(kind: .wrongType, detail: "it is no block device")
        }
        return try UdevContext(site).device(
            DeviceNumber(major: status.stx_rdev_major, minor: status.stx_rdev_minor))
    }

    // MARK: Waiting

    func wait(
        for selector: BlockDeviceSelector, within duration: Duration
    ) async throws(HostError) -> BlockDevice {
        if case .path(let path) = selector { _ = try PathRule.absolute(path, .waitForDevice) }
        let site = CallSite(.waitForDevice, at: selector.place)
        let deadline = ContinuousClock.now + max(.zero, duration)
        let context = try UdevContext(site)
        // Before the first look, so that nothing is missed between the two.
        let monitor = UdevMonitor(context)
        while true {
            if let device = try ready(selector, context, site) { return device }
            let left = ContinuousClock.now.duration(to: deadline)
            guard left > .zero else { throw selector.isAbsent(after: duration) }
            if Task.isCancelled { throw site.failure(kind: .cancelled) }
            // One more than the time left, which is rounded down.
            monitor.wait(milliseconds: min(Self.longestPause(selector), left.wholeMilliseconds + 1))
        }
    }

    /// The device that a selector means, if it is there, has a medium, and can be opened.
    private func ready(
        _ selector: BlockDeviceSelector, _ context: borrowing UdevContext, _ site: CallSite
    ) throws(HostError) -> BlockDevice? {
        let found: [BlockDevice]
        switch selector {
        case .path(let path): found = try find(at: path, .waitForDevice).map { [$0] } ?? []
        case .number(let number): found = context.device(number).map { [$0] } ?? []
        case .serial(let serial):
            found = try context.devices(site).filter { !$0.isPartition && $0.serial == serial }
        case .worldWideID(let id):
            found = try context.devices(site).filter { !$0.isPartition && $0.worldWideID == id }
        }
        guard found.count <= 1 else { throw selector.isAmbiguous(found) }
        guard let device = found.first, device.size > 0 else { return nil }
        guard case .opened(let node) = DeviceNode.openIfPossible(device.path, CLINUX_O_READ, for: site),
            FileMetadata(try site.status(of: node)).specialDevice == device.number
        else { return nil }
        return device
    }

    // MARK: Reading

    func read(from device: FilePath, at offset: Int64, count: Int) async throws(HostError) -> [UInt8] {
        let path = try PathRule.absolute(device, .readDevice)
        try DeviceReadRule.check(path, at: offset, count: count)
        return try DeviceNode.open(path, for: .readDevice).read(at: offset, count: count)
    }

    func checkReadable(_ device: FilePath, at offset: Int64, within limit: Duration) async throws(HostError) {
        let path = try PathRule.absolute(device, .readDevice)
        try DeviceReadRule.check(path, at: offset)
        try DeviceNode.open(path, for: .readDevice).checkReadable(at: offset, within: limit)
    }

    func flush(_ device: FilePath) async throws(HostError) {
        try DeviceNode.open(PathRule.absolute(device, .flushDevice), for: .flushDevice).flush()
    }

    func replace(
        _ expected: [UInt8], with bytes: [UInt8], at offset: Int64, of device: BlockDevice
    ) async throws(HostError) {
        _ = try PathRule.absolute(device.path, .replaceBytes)
        try DeviceReadRule.check(device, at: offset, replacing: expected, with: bytes)
        let node = try DeviceNode.openExclusively(device.path, for: .replaceBytes)
        // While it is open its number is nobody else's.
        let site = CallSite(.replaceBytes, at: device.path)
        try DeviceReadRule.check(try UdevContext(site).device(try node.number()), is: device)
        try DeviceReadRule.check(try node.read(at: offset, count: expected.count), are: expected, on: device)
        try node.write(bytes, at: offset)
        try node.flush()
    }

    func setReadOnly(_ isReadOnly: Bool, _ device: FilePath) async throws(HostError) {
        try DeviceNode.open(PathRule.absolute(device, .setDeviceReadOnly), for: .setDeviceReadOnly).setReadOnly(
            isReadOnly)
    }

    func readAhead(of device: FilePath) async throws(HostError) -> Int64 {
        try DeviceNode.open(PathRule.absolute(device, .inspectDevice), for: .inspectDevice).readAhead()
    }

    func setReadAhead(_ bytes: Int64, of device: FilePath) async throws(HostError) {
        let path = try PathRule.absolute(device, .setReadAhead)
        try DeviceReadRule.check(readAhead: bytes, path)
        try DeviceNode.open(path, for: .setReadAhead).setReadAhead(bytes)
    }

    func isInUse(_ device: FilePath) async throws(HostError) -> Bool {
        let site = CallSite(.inspectDevice, at: try PathRule.absolute(device, .inspectDevice))
        // The kind first: opening some other thing exclusively could do anything.
        _ = try DeviceNode.open(site.path, for: .inspectDevice)
        switch DeviceNode.openIfPossible(site.path, CLINUX_O_EXCLUSIVE_DEVICE, for: site) {
        case .opened: return false
        case .refused(.resourceBusy): return true
        case .refused(let errno): throw site.failure(errno)
        }
    }

    func users(of device: DeviceNumber) async throws(HostError) -> [BlockDeviceUser] {
        try DeviceUsers(of: device).find()
    }
}

extension Duration {
    /// The time in milliseconds, rounded down, at most a minute.
    fileprivate var wholeMilliseconds: CInt {
        let (seconds, attoseconds) = components
        return CInt(clamping: min(seconds, 60) * 1000 + attoseconds / 1_000_000_000_000_000)
    }
}
