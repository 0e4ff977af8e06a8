import CLinux
import Glibc
import SystemPackage

/// Mounts on Linux.
struct LinuxMounts: MountControl {
    let selected: SelectedMounts

    init(selected: SelectedMounts = SelectedMounts(MountDevices())) {
        self.selected = selected
    }

    func mountTable() async throws(HostError) -> MountTable {
        try MountTableReader.current()
    }

    func mountTable(of selection: MountSelection) async throws(HostError) -> MountTable {
        try selected.read(selection)
    }

    func bindMount(
        source: FilePath, at target: FilePath, options: BindOptions
    ) async throws(HostError) -> MountEntry {
        let source = try PathRule.absolute(source, .bindMount)
        let target = try PathRule.absoluteBelowRoot(target, .bindMount)
        let site = CallSite(.bindMount, at: target)
        let sourceSite = CallSite(.bindMount, at: source)

        let origin = try Resolution.absolute.open(source, CLINUX_O_PATH, for: sourceSite)
        let place = try Resolution.absolute.open(target, CLINUX_O_PATH, for: site)
        try refuseMixedKinds(
            FileMetadata(try sourceSite.status(of: origin)), FileMetadata(try site.status(of: place)), source, site)

        let tree = try detachedCopy(of: origin, options, sourceSite)
        let (rawTree, rawPlace) = (tree.raw, place.raw)
        try Self.change(site) { clinux_move_mount(rawTree, "", rawPlace, "", CLINUX_MOVE_MOUNT_EMPTY_PATHS) }
        do throws(HostError) {
            return try Self.verified(tree, target, options, site)
        } catch {
            // By descriptor: exactly the mount that was made here, whatever has been mounted over it since.
            _ = clinux_umount2("/proc/self/fd/\(rawTree)", CInt(MNT_DETACH))
            throw error
        }
    }

    /// Makes a mount system call, and explains the error numbers that mean something of their own here.
    @discardableResult
    static func change(_ site: CallSite, _ call: () -> Int) throws(HostError) -> Int {
        switch site.result(call) {
        case .success(let value): return value
        case .failure(.notPermitted):
            throw site.failure(.notPermitted, detail: "mounts need CAP_SYS_ADMIN: run privileged")
        case .failure(.noFunction):
            throw site.failure(.noFunction, detail: "bind mounts need Linux 5.12 or later")
        case .failure(.noSpace):
            // Not the disk: a backend that took it for full would send the volume elsewhere.
            throw HostError(
                site.operation, at: site.path, kind: .resourceLimit, errno: .noSpace,
                detail: "the mount namespace is full: see fs.mount-max in sysctl(8)")
        case .failure(.invalidArgument):
            throw site.failure(
                .invalidArgument, detail: "the mount below is unbindable, locked, or of another mount namespace")
        case .failure(let errno): throw site.failure(errno)
        }
    }

    private func refuseMixedKinds(
        _ source: FileMetadata, _ target: FileMetadata, _ sourcePath: FilePath, _ site: CallSite
    ) throws(HostError) {
        guard (source.kind == .directory) != (target.kind == .directory) else { return }
        let detail = "\(sourcePath) is \(source.kind == .directory ? "a directory" : "a file"), the target is not"
        throw site.failure(kind: .wrongType, detail: detail)
    }

    /// Makes a mount of a directory or file that is nowhere visible yet and has its options already.
    private func detachedCopy(
        of origin: borrowing OwnedDescriptor, _ options: BindOptions, _ site: CallSite
    ) throws(HostError) -> OwnedDescriptor {
        let raw = origin.raw
        let number = try Self.change(site) { clinux_open_tree(raw, "", CLINUX_OPEN_TREE_CLONE) }
        let tree = OwnedDescriptor(adopting: CInt(truncatingIfNeeded: number))
        let rawTree = tree.raw
        let attributes = options.mountAttributes
        // Private: mounts that a container makes inside its volume must not appear in, and keep busy, the source.
        try Self.change(site) {
            clinux_mount_setattr(
                rawTree, "", UInt32(CLINUX_AT_EMPTY_PATH), attributes.set, attributes.clear, UInt64(MS_PRIVATE))
        }
        return tree
    }

    /// Finds the new mount in the kernel's table and compares it with what was asked for.
    static func verified(
        _ tree: borrowing OwnedDescriptor, _ target: FilePath, _ options: BindOptions, _ site: CallSite
    ) throws(HostError) -> MountEntry {
        guard let entry = try SelectedMounts.entry(of: tree, site) else {
            throw site.failure(kind: .notVerified, detail: "the new mount is not in the mount table")
        }
        guard entry.mountPoint == target else {
            throw site.failure(kind: .notVerified, detail: "the target was moved to \(entry.mountPoint) meanwhile")
        }
        guard entry.bindOptions.isSuperset(of: options) else {
            throw site.failure(kind: .notVerified, detail: "it has \(entry.bindOptions), asked for was \(options)")
        }
        return entry
    }
}

extension BindOptions {
    /// The kernel's attributes to set and to clear for these options.
    var mountAttributes: (set: UInt64, clear: UInt64) {
        let attributes: [(BindOptions, Int32)] = [
            (.readOnly, MOUNT_ATTR_RDONLY), (.noSetUserID, MOUNT_ATTR_NOSUID), (.noDevices, MOUNT_ATTR_NODEV),
            (.noExec, MOUNT_ATTR_NOEXEC), (.noAccessTime, MOUNT_ATTR_NOATIME),
            (.strictAccessTime, MOUNT_ATTR_STRICTATIME), (.noDirectoryAccessTime, MOUNT_ATTR_NODIRATIME),
            (.noSymbolicLinks, MOUNT_ATTR_NOSYMFOLLOW),
        ]
        let set = attributes.reduce(UInt64(0)) { contains($1.0) ? $0 | UInt64($1.1) : $0 }
        // The ways to treat access times exclude each other, so the inherited one must go for another to be set.
        let choosesAccessTime = contains(.noAccessTime) || contains(.strictAccessTime)
        return (set, choosesAccessTime ? UInt64(MOUNT_ATTR__ATIME) : 0)
    }
}
