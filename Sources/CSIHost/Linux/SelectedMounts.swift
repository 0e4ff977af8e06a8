import CLinux
import SystemPackage

/// Reads the part of the mount table that is asked for.
///
/// Where the kernel tells of single mounts, the others cost next to nothing. Elsewhere the whole table is read, and of it only the
/// lines that can matter are parsed.
struct SelectedMounts {
    private let devices: MountDevices
    private let asksForSingleMounts: Bool

    init(_ devices: MountDevices, asksForSingleMounts: Bool = StatMount.isSupported) {
        self.devices = devices
        self.asksForSingleMounts = asksForSingleMounts
    }

    /// The entries that a selection asks for.
    ///
    /// - Parameter mayWait: whether the paths may be looked up where the kernel's cache does not have them, which asks the file
    ///   systems that they lie on.
    func read(_ selection: MountSelection, mayWait: Bool = true) throws(HostError) -> MountTable {
        if asksForSingleMounts, let table = try? single(selection, mayWait: mayWait) {
            return table.selecting(selection)
        }
        return try MountTableReader.current(selection).selecting(selection)
    }

    /// The mounts at a path and below it.
    ///
    /// - Parameter parent: the directory that the path is in.
    static func mounts(
        atOrBelow path: FilePath, in parent: borrowing OwnedDescriptor
    ) throws(HostError) -> MountTable {
        if StatMount.isSupported, let id = try? StatMount.id(of: parent), let below = try? StatMount.mounts(below: id) {
            return MountTable(entries: below)
        }
        return try MountTableReader.current(beneath: path)
    }

    /// The mount that an open file lies in; nil when it is in no table.
    static func entry(of descriptor: borrowing OwnedDescriptor, _ site: CallSite) throws(HostError) -> MountEntry? {
        if StatMount.isSupported, let id = try? StatMount.id(of: descriptor), let found = try? StatMount.find(id) {
            return found.entry
        }
        let id = Int(clamping: try site.status(of: descriptor).stx_mnt_id)
        return try MountTableReader.current().entries.first { $0.mountID == id }
    }

    /// What the kernel tells of single mounts.
    func single(_ selection: MountSelection, mayWait: Bool) throws -> MountTable {
        var found: [UInt64: MountEntry] = [:]
        for path in selection.paths + selection.sources { try addChain(to: path, mayWait: mayWait, &found) }
        let chains = MountTable(entries: found.sorted { $0.key < $1.key }.map(\.value))
        let origins = selection.sources.compactMap { chains.origin(of: $0) }
        if !selection.devices.isEmpty || !origins.isEmpty {
            let candidates = try devices.mounts { number, isBtrfs in
                if selection.covers(number, isBtrfs: isBtrfs) { return .yes }
                return origins.contains { $0.device == number } ? .byRoot : .no
            }
            for (id, isCertain) in candidates where found[id] == nil {
                // All volumes of a pool of directories are on one device: what a mount shows is a fraction of the whole answer.
                if !isCertain {
                    guard let root = try StatMount.root(of: id), origins.contains(where: { $0.root == root }) else {
                        continue
                    }
                }
                found[id] = try StatMount.find(id)?.entry
            }
        }
        return MountTable(entries: found.sorted { $0.key < $1.key }.map(\.value))
    }

    /// Adds the mounts that the kernel steps through on the way to a path, by going up from where the path leads.
    private func addChain(to path: FilePath, mayWait: Bool, _ found: inout [UInt64: MountEntry]) throws {
        var id = try mountID(of: path, mayWait: mayWait)
        while let next = id, found[next] == nil {
            guard let mount = try StatMount.find(next) else { return }
            // The directories above have been renamed, or links lead there.
            guard PathBytes(path).isAtOrBelow(PathBytes(mount.entry.mountPoint)) else { throw StatMount.Unavailable() }
            found[next] = mount.entry
            id = mount.parent == next ? nil : mount.parent
        }
    }

    /// The mount that a path lies in, or would lie in if it existed.
    private func mountID(of path: FilePath, mayWait: Bool) throws -> UInt64? {
        let site = CallSite(.mountTable, at: path)
        var place = path
        while true {
            switch Resolution.absolute.lookedUp(place, mayWait: mayWait, for: site) {
            case .opened(let descriptor): return try StatMount.id(of: descriptor)
            case .refused(let errno):
                guard errno == .noSuchFileOrDirectory || errno == .notDirectory, place.removeLastComponent() else {
                    throw StatMount.Unavailable()
                }
            }
        }
    }
}

extension Resolution {
    /// Opens a path without access to what is there.
    ///
    /// Mount points and the directories above them are always in the kernel's cache. Where a lookup goes through it first, no
    /// server behind a mount is asked.
    fileprivate func lookedUp(_ path: FilePath, mayWait: Bool, for site: CallSite) -> Outcome {
        switch cached.openIfPossible(path, CLINUX_O_PATH, for: site) {
        case .refused(.resourceTemporarilyUnavailable) where mayWait:
            return openIfPossible(path, CLINUX_O_PATH, for: site)
        case .opened(let descriptor): return .opened(descriptor)
        case .refused(let errno): return .refused(errno)
        }
    }
}
