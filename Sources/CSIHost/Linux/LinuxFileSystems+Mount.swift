import CLinux
import Glibc
import SystemPackage

extension LinuxFileSystems {
    func mount(
        _ device: FilePath, at target: FilePath, options: FileSystemMountOptions, within limit: Duration
    ) async throws(HostError) -> MountEntry {
        let target = try PathRule.absoluteBelowRoot(target, .mount)
        let site = CallSite(.mount, at: target)
        let place = try Resolution.absolute.open(target, CLINUX_O_PATH | CLINUX_O_DIRECTORY, for: site)
        let number = try blockDeviceNumber(device)

        let context = try openContext(options.kind, site)
        try configure(context, device, options, site)
        try create(context, device, number, within: limit, site)

        let flags = options.access == .readWrite ? options.flags : options.flags.union(.readOnly)
        let attributes = UInt32(truncatingIfNeeded: flags.mountAttributes.set)
        let rawContext = context.raw
        let tree = OwnedDescriptor(
            adopting: CInt(
                truncatingIfNeeded: try LinuxMounts.change(site) { clinux_fsmount(rawContext, attributes) }))
        let (rawTree, rawPlace) = (tree.raw, place.raw)
        try LinuxMounts.change(site) { clinux_move_mount(rawTree, "", rawPlace, "", CLINUX_MOVE_MOUNT_EMPTY_PATHS) }
        do throws(HostError) {
            let entry = try LinuxMounts.verified(tree, target, flags, site)
            guard entry.filesystemType == options.kind.rawValue, options.kind == .btrfs || entry.device == number else {
                throw site.failure(
                    kind: .notVerified, detail: "a \(entry.filesystemType) on \(entry.device) appeared there")
            }
            guard options.access != .readWrite || !entry.isReadOnly else {
                throw site.failure(.readOnlyFileSystem, detail: "the kernel mounted it read-only")
            }
            return entry
        } catch {
            // By descriptor: exactly the mount that was made here, whatever has been mounted over it since.
            _ = clinux_umount2("/proc/self/fd/\(rawTree)", CInt(MNT_DETACH))
            throw error
        }
    }

    private func blockDeviceNumber(_ device: FilePath) throws(HostError) -> DeviceNumber {
        let site = CallSite(.mount, at: device)
        guard let number = try DeviceFile(device, site).number else {
            throw site.failure(kind: .wrongType, detail: "only a block device can be mounted: attach the image first")
        }
        return number
    }

    private func openContext(_ kind: FileSystemKind, _ site: CallSite) throws(HostError) -> OwnedDescriptor {
        switch site.result({ clinux_fsopen(kind.rawValue) }) {
        case .success(let descriptor): return OwnedDescriptor(adopting: CInt(truncatingIfNeeded: descriptor))
        case .failure(.operationNotSupportedByDevice):
            throw site.failure(kind: .notSupported, detail: "the kernel has no \(kind): load its module")
        case .failure(.notPermitted):
            throw site.failure(.notPermitted, detail: "mounts need CAP_SYS_ADMIN: run privileged")
        case .failure(let errno): throw site.failure(errno)
        }
    }

    private func configure(
        _ context: borrowing OwnedDescriptor, _ device: FilePath, _ options: FileSystemMountOptions, _ site: CallSite
    ) throws(HostError) {
        var words = options.options
        if options.access != .readWrite { words.append("ro") }
        if options.access == .readOnlyWithoutRecovery { words.append(MountOptionRule.withoutRecovery(options.kind)) }
        if options.isCopy, options.kind == .xfs, !words.contains("nouuid") { words.append("nouuid") }
        let raw = context.raw
        try fsconfig(context, "source=\(device)", site) { clinux_fsconfig_string(raw, "source", device.string) }
        for word in words {
            let parts = word.split(separator: "=", maxSplits: 1).map(String.init)
            try fsconfig(context, word, site) {
                parts.count == 2
                    ? clinux_fsconfig_string(raw, parts[0], parts[1]) : clinux_fsconfig_flag(raw, word)
            }
        }
    }

    private func fsconfig(
        _ context: borrowing OwnedDescriptor, _ option: String, _ site: CallSite, _ call: () -> Int
    ) throws(HostError) {
        guard case .failure(let errno) = site.result(call) else { return }
        throw site.failure(errno, detail: "mount option \(option): \(Self.messages(context))")
    }

    /// Lets the kernel read the superblock and replay the journal, which can take long and hang.
    private func create(
        _ context: borrowing OwnedDescriptor, _ device: FilePath, _ number: DeviceNumber, within limit: Duration,
        _ site: CallSite
    ) throws(HostError) {
        let raw = context.raw
        let work = AbandonedWork("mount", of: number)
        let ending = try SystemCallChild.run(work, within: limit, site) { clinux_start_fsconfig_create(raw, &$0) }
        switch ending {
        case .ended(nil): return
        case .hung:
            throw site.failure(kind: .timedOut, detail: "the kernel did not mount \(device) within \(limit)")
        case .ended(.permissionDenied?):
            throw HostError(
                .mount, at: site.path, kind: .readOnlyFileSystem, errno: .permissionDenied,
                detail: "\(device) is read-only: \(Self.messages(context))")
        case .ended(let errno?):
            throw site.failure(errno, detail: "\(device): \(Self.messages(context))")
        }
    }

    /// What the kernel said about a file system context.
    static func messages(_ context: borrowing OwnedDescriptor) -> String {
        var lines: [String] = []
        let raw = context.raw
        while lines.count < 16 {
            var buffer = [UInt8](repeating: 0, count: 1024)
            let count = clinux_read(raw, &buffer, buffer.count)
            guard count > 0 else { break }
            // The first letter is how bad it is: "e ", "w " or "i ".
            let isRated = count > 2 && buffer[1] == UInt8(ascii: " ")
            let line = String(decoding: buffer[(isRated ? 2 : 0)..<count], as: UTF8.self)
            lines.append(String(line.filter { !$0.isNewline }))
        }
        return lines.isEmpty ? "the kernel's log (dmesg) may say more" : lines.joined(separator: "; ")
    }
}
