public import CSICore
public import CSIHost
import CSIPool
import SystemPackage

/// The metrics of the loop devices of images.
extension ImageDevices {
    private static let loopDevices = MetricDescription(
        "csi_loop_devices", labels: ["state"],
        help:
            "Loop devices of the driver's volumes: used ones are mounted, staged or published, unused ones are left over."
    )

    /// What ``figures(of:on:)`` reports.
    public static var metrics: [MetricDescription] { [loopDevices] }

    /// How many devices the images of a driver have, and how their mounts are: a look at the kernel's tables of loop devices and
    /// mounts, whatever the number of pools.
    /// - Parameters:
    ///   - pools: The devices of each pool.
    ///   - host: The machine.
    /// - Returns: The figures of the devices, and of each mount that shows one whether it is abnormal.
    /// - Throws: What the kernel answers instead.
    public static func figures(
        of pools: [ImageDevices], on host: any Host
    ) async throws(CSIError) -> (devices: [DriverFigure], mounts: [Bool]) {
        let (devices, table) = try await withHostErrors { () async throws(HostError) in
            let devices = try await host.loops.list().filter { device in
                pools.contains { $0.pool.seemsToHold(device) }
            }
            return (devices, devices.isEmpty ? MountTable(entries: []) : try await host.mounts.mountTable())
        }
        let shown = MountsByDevice(table)
        var unused = 0
        var mounts: [Bool] = []
        for device in devices {
            let entries = shown[device]
            let isLost = device.isDetachedOnLastClose || device.backingPath.hasSuffix(" (deleted)")
            mounts += entries.map { isLost || !device.isReadOnly && $0.hasFailedReadOnly }
            guard entries.isEmpty else { continue }
            var isStaged = false
            for pool in pools where !isStaged && pool.pool.seemsToHold(device) {
                isStaged = try await pool.isStaged(device)
            }
            if !isStaged { unused += 1 }
        }
        return (
            [
                DriverFigure(loopDevices, ["used"], devices.count - unused),
                DriverFigure(loopDevices, ["unused"], unused),
            ], mounts
        )
    }

    /// Whether the device is of a raw block volume that is staged and not published.
    private func isStaged(_ device: LoopDevice) async throws(CSIError) -> Bool {
        guard let id = try? VolumeID(device.name) else { return false }
        return try await pool.stagedBlock(of: id) != nil
    }
}

/// The mounts of a table by the device that they show, so that thousands of devices are looked up in one pass.
private struct MountsByDevice {
    private var byNumber: [DeviceNumber: [MountEntry]] = [:]
    private var bySource: [String: [MountEntry]] = [:]
    /// Of device nodes: where raw block volumes are published.
    private var byNode: [String: [MountEntry]] = [:]

    init(_ table: MountTable) {
        let nodes = table.origin(of: "/dev")
        for entry in table.entries {
            byNumber[entry.device, default: []].append(entry)
            // Btrfs shows a number of its own, and names the device that it uses.
            if entry.filesystemType == FileSystemKind.btrfs.rawValue {
                bySource[entry.source, default: []].append(entry)
            }
            if let nodes, entry.device == nodes.device, entry.root.removingLastComponent() == nodes.root,
                let name = entry.root.lastComponent
            {
                byNode[name.string, default: []].append(entry)
            }
        }
    }

    subscript(device: LoopDevice) -> [MountEntry] {
        (byNumber[device.device] ?? []) + (bySource[device.path.string] ?? [])
            + (device.path.lastComponent.flatMap { byNode[$0.string] } ?? [])
    }
}
