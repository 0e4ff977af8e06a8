import CSIHost
import CSITestKit
import FakeDigitalOcean
import Synchronization
import SystemPackage

/// Droplets that are modelled machines: attaching a volume puts a disk with its link into one.
final class HostMachines: FakeMachines {
    private struct State {
        var disks: [String: FakeDisk] = [:]
        var kept: [String: FakeDisk] = [:]
        /// The volumes by droplet, in the order of their device names; nil where one has been pulled out.
        var slots: [Int: [String?]] = [:]
        var delay = Duration.zero
        var missing: Int64 = 0
    }

    private let hosts: [Int: FakeHost]
    private let state = Mutex(State())

    init(_ hosts: [Int: FakeHost]) {
        self.hosts = hosts
    }

    /// How long after its action a disk appears.
    func setDelay(_ delay: Duration) { state.withLock { $0.delay = delay } }

    /// How many bytes disks are smaller than their volumes.
    func setMissing(_ bytes: Int64) { state.withLock { $0.missing = bytes } }

    func create(_ volume: FakeVolume, from snapshot: String?) {
        state.withLock { state in
            var disk = snapshot.flatMap { state.kept[$0] } ?? FakeDisk(size: 0)
            disk.grow(to: volume.size << 30 - state.missing)
            state.disks[volume.id] = disk
        }
    }

    func remove(_ volume: FakeVolume) {
        for droplet in volume.droplets { detach(volume, from: droplet) }
        state.withLock { $0.disks[volume.id] = nil }
    }

    func attach(_ volume: FakeVolume, to droplet: Int) {
        state.withLock { state in
            guard let host = hosts[droplet], let disk = state.disks[volume.id] else { return }
            var slots = state.slots[droplet] ?? []
            let slot = slots.firstIndex(of: nil) ?? slots.count
            if slot == slots.count { slots.append(nil) }
            slots[slot] = volume.id
            state.slots[droplet] = slots
            host.putInBlockDevice(
                disk, as: Self.name(slot), links: [FilePath("/dev/disk/by-id/\(volume.link)")], after: state.delay)
        }
    }

    func detach(_ volume: FakeVolume, from droplet: Int) {
        state.withLock { state in
            guard let host = hosts[droplet], let slot = state.slots[droplet]?.firstIndex(of: volume.id) else { return }
            state.slots[droplet]?[slot] = nil
            if let disk = host.takeOutBlockDevice(Self.path(slot)) { state.disks[volume.id] = disk }
        }
    }

    func grow(_ volume: FakeVolume) {
        state.withLock { state in
            state.disks[volume.id]?.grow(to: volume.size << 30)
            for (droplet, slots) in state.slots {
                guard let slot = slots.firstIndex(of: volume.id) else { continue }
                hosts[droplet]?.growBlockDevice(Self.path(slot), to: volume.size << 30)
            }
        }
    }

    func takeSnapshot(_ id: String, of volume: FakeVolume) {
        state.withLock { state in
            for (droplet, slots) in state.slots {
                guard let slot = slots.firstIndex(of: volume.id), let host = hosts[droplet],
                    let disk = host.takeOutBlockDevice(Self.path(slot))
                else { continue }
                state.disks[volume.id] = disk
                host.putInBlockDevice(
                    disk, as: Self.name(slot), links: [FilePath("/dev/disk/by-id/\(volume.link)")])
            }
            state.kept[id] = state.disks[volume.id]
        }
    }

    func removeSnapshot(_ id: String) { state.withLock { $0.kept[id] = nil } }

    private static func name(_ slot: Int) -> String { "sd" + String(UnicodeScalar(UInt8(97 + slot % 26))) }
    private static func path(_ slot: Int) -> FilePath { FilePath("/dev").appending(name(slot)) }
}
