public import CSICore
import CSIHost
import CSIPool
public import Logging
import SystemPackage

/// What a crash leaves of devices.
extension ImageDevices {
    /// Thaws what a controller left frozen, and detaches what a node attached and nothing stages.
    /// - Parameters:
    ///   - detaches: Whether this process is the node's, and so may detach.
    ///   - logger: Told of what was done.
    public func collectLeftovers(detaches: Bool, logger: Logger) async throws(CSIError) {
        let devices: [LoopDevice]
        do throws(CSIError) {
            devices = try await all()
        } catch {
            // A controller attaches nothing, and refuses what it would have to see the devices for.
            guard !detaches else { throw error }
            logger.warning(
                "the loop devices cannot be seen, so volumes in use can be neither copied nor deleted",
                metadata: ["error": "\(error.message)"])
            return
        }
        guard !devices.isEmpty else { return }
        let table = try await withHostErrors { () async throws(HostError) in try await host.mounts.mountTable() }
        for loop in devices {
            do throws(CSIError) {
                try await collectLeftover(loop, table, detaches: detaches, logger)
            } catch {
                // The others have nothing to do with it.
                logger.warning(
                    "a loop device cannot be examined and stays as it is",
                    metadata: ["device": "\(loop.path)", "volume": "\(loop.name)", "error": "\(error.message)"])
            }
        }
    }

    private func collectLeftover(
        _ loop: LoopDevice, _ table: MountTable, detaches: Bool, _ logger: Logger
    ) async throws(CSIError) {
        guard let id = try await owner(of: loop) else { return }
        let device = VolumeDevice(loop)
        let mounts = table.mounts(of: device)
        if let mount = mounts.first(where: { !$0.isReadOnly }) { await thaw(mount, id, logger) }
        guard detaches, mounts.isEmpty, table.publications(of: device).isEmpty,
            try await pool.stagedBlock(of: id) == nil
        else { return }
        await collect(device, id, logger)
    }

    /// The volume of this pool that a device shows, its image removed or not; nil when it is none of ours.
    private func owner(of device: LoopDevice) async throws(CSIError) -> VolumeID? {
        guard let id = try? VolumeID(device.name), id.pathComponent != nil else { return nil }
        if let image = try await pool.image(of: id) { return image.identity == device.backing ? id : nil }
        return pool.hasLost(device) ? id : nil
    }

    private func thaw(_ mount: MountEntry, _ id: VolumeID, _ logger: Logger) async {
        do throws(HostError) {
            guard try await host.fileSystems.thaw(mount.mountPoint) else { return }
            logger.notice("thawed a file system that was left frozen", metadata: ["volume": "\(id)"])
        } catch {
            logger.warning(
                "a file system could not be thawed", metadata: ["volume": "\(id)", "error": "\(error.description)"])
        }
    }

    private func collect(_ device: VolumeDevice, _ id: VolumeID, _ logger: Logger) async {
        do throws(CSIError) {
            try await detach(device, of: id, within: .zero)
            logger.notice(
                "detached a device that nothing stages",
                metadata: ["volume": "\(id)", "device": "\(device.path)"])
        } catch {
            // Somebody whom this process does not see uses it.
            logger.warning(
                "a device that nothing seems to stage stays attached",
                metadata: ["volume": "\(id)", "error": "\(error.message)"])
        }
    }
}
