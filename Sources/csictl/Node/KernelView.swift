import CSICore
import CSIHost
import CSIPool
import SystemPackage

/// Something that a crash left, and that nobody needs.
struct Leftover: Encodable, Hashable {
    enum Kind: String, Encodable {
        /// A volume or snapshot that was never finished.
        case partial
        /// What is on its way out.
        case trash
        /// A loop device of a volume that nothing stages or publishes.
        case device
        /// A mount of a volume that was removed.
        case mount
    }

    let kind: Kind
    let path: String
    /// The volume it belonged to; nil when that is not known.
    let volume: String?
}

/// What the kernel shows of a pool's volumes.
struct KernelView {
    let table: MountTable
    let loops: [LoopDevice]
    let pool: VolumePool

    /// The loop devices that show a volume.
    func devices(of volume: PoolSurvey.Volume) -> [LoopDevice] {
        loops.filter { $0.backing == volume.image?.identity || $0.name == volume.id && pool.hasLost($0) }
    }

    /// Where a volume is mounted, published or staged.
    func mounts(of volume: PoolSurvey.Volume, _ devices: [LoopDevice]) -> [MountEntry] {
        guard let id = try? VolumeID(volume.id) else { return [] }
        let shown = devices.flatMap { device in mounts(of: device) }
        return shown + table.entries.filter { pool.shows($0, dataOf: id) }
    }

    private func mounts(of device: LoopDevice) -> [MountEntry] {
        let node = table.origin(of: device.path)
        return table.entries.filter { entry in
            // Btrfs shows a number of its own, and names the device that it uses.
            entry.device == device.device || entry.source == device.path.string || entry.origin == node
        }
    }

    /// What lies about.
    func leftovers(_ survey: PoolSurvey) -> [Leftover] {
        let staged = Set(survey.volumes.filter { $0.staged != nil }.map(\.id))
        let known = Set(survey.volumes.map(\.id))
        let images = Set(survey.volumes.compactMap { $0.image?.identity })
        let unused = loops.filter { device in
            // Only what this driver attached bears the id of a volume: another program may be repairing the image.
            (try? VolumeID(device.name))?.pathComponent != nil
                && (images.contains(device.backing) || pool.hasLost(device))
                && !staged.contains(device.name) && mounts(of: device).isEmpty
        }
        let stale = table.entries.filter { entry in
            entry.isRootDeleted && isOfPool(entry) && !known.contains(volume(of: entry) ?? "")
        }
        var found: [Leftover] = []
        found += survey.partials.map { Leftover(kind: .partial, path: $0.string, volume: nil) }
        found += survey.trash.map { Leftover(kind: .trash, path: $0.string, volume: nil) }
        found += unused.map { Leftover(kind: .device, path: $0.path.string, volume: $0.name) }
        found += stale.map { Leftover(kind: .mount, path: $0.mountPoint.string, volume: volume(of: $0)) }
        return found
    }

    /// The id of the volume whose data a mount shows, by the layout of a pool: `volumes/ID/data`.
    private func volume(of entry: MountEntry) -> String? {
        let names = entry.root.components.suffix(3).map(\.string)
        guard names.count == 3, names[2] == "data" else { return nil }
        if names[0] == "volumes" { return names[1] }
        // In the trash it has a random end.
        return names[0] == ".trash" ? names[1].split(separator: ".").dropLast().joined(separator: ".") : nil
    }

    private func isOfPool(_ entry: MountEntry) -> Bool {
        guard let origin = table.origin(of: pool.path), let id = volume(of: entry) else { return false }
        return entry.device == origin.device && !id.isEmpty
            && entry.root.starts(with: origin.root)
    }
}
