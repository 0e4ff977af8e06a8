import CSICore
import CSIHost
import CSIMain
import CSIPool
import CSIProgram
import Logging
import SystemPackage

/// A volume as it is on this node: its record, and what the kernel shows of it.
struct VolumeState: Encodable {
    let id: String
    let name: String?
    /// `served`, or `set aside` with the problem.
    let state: String
    let problem: String?
    let content: String?
    let capacityBytes: Int64?
    /// What an image takes of the disk; nil for a directory, which would have to be walked.
    let allocatedBytes: Int64?
    let provisioning: String?
    /// What holds the size: `project` with its number, `subvolume`, `image`, or `none`.
    let quota: String?
    let source: String?
    let devices: [String]
    let stagedAt: String?
    let mounts: [Mount]
    /// What the backend keeps of it, such as what a delete does.
    let settings: [String: String]

    struct Mount: Encodable {
        let path: String
        let isReadOnly: Bool
        let isAbnormal: Bool
    }
}

/// What a pool of this node holds.
struct PoolState: Encodable {
    let driver: String
    let pool: String
    let path: String
    let capacityBytes: Int64
    let usedBytes: Int64
    let promisedBytes: Int64
    let volumes: [VolumeState]
    let snapshots: [SnapshotState]
    let leftovers: [Leftover]

    /// Looks at a pool.
    static func look(
        at pool: (name: String, path: FilePath), of configuration: DriverConfiguration, on host: any Host,
        progress: ProgressBar
    ) async throws(CSIError) -> PoolState {
        let opened = configuration.pool(pool.path, access: .lookUp, on: host, logger: .silent)
        try await opened.openToLook()
        let survey = try await opened.survey { progress.show("reading the pool", $0, of: $1) }
        progress.clear()
        let table: MountTable
        let loops: [LoopDevice]
        do throws(HostError) {
            table = try await host.mounts.mountTable()
            // Without /sys or the node's /dev there are none that could be seen.
            loops = (try? await host.loops.list()) ?? []
        } catch {
            throw .preconditionFailed(error.description)
        }
        let kernel = KernelView(table: table, loops: loops, pool: opened)
        let volumes = survey.volumes.map { VolumeState($0, kernel) }
        let room = try await opened.capacity()
        return PoolState(
            driver: configuration.driverName, pool: pool.name, path: opened.path.string,
            capacityBytes: room.totalBytes, usedBytes: room.usedBytes,
            promisedBytes: volumes.reduce(0) { $0 &+ ($1.capacityBytes ?? 0) }, volumes: volumes,
            snapshots: survey.snapshots.map { SnapshotState($0) }, leftovers: kernel.leftovers(survey))
    }
}

extension VolumeState {
    init(_ volume: PoolSurvey.Volume, _ kernel: KernelView) {
        let devices = kernel.devices(of: volume)
        let record = volume.record
        self.init(
            id: volume.id, name: record?.name.rawValue, state: volume.problem == nil ? "served" : "set aside",
            problem: volume.problem, content: record?.content.rawValue, capacityBytes: record?.capacity,
            allocatedBytes: volume.image?.allocatedBytes,
            provisioning: record.map { $0.content == .image ? ($0.isThick ? "thick" : "thin") : "none" },
            quota: volume.quota, source: record?.source?.description, devices: devices.map(\.path.string),
            stagedAt: volume.staged?.path,
            mounts: kernel.mounts(of: volume, devices).map {
                Mount(
                    path: $0.mountPoint.string, isReadOnly: $0.isReadOnly,
                    isAbnormal: $0.isRootDeleted || $0.hasFailedReadOnly)
            },
            settings: record?.attributes.values ?? [:])
    }

    static let header = ["VOLUME", "STATE", "SIZE", "ON DISK", "QUOTA", "DEVICE", "MOUNTS", "SETTINGS"]

    var row: [String] {
        [
            id, state, capacityBytes.map { "\(ByteSize(bytes: $0))" } ?? "",
            allocatedBytes.map { "\(ByteSize(bytes: $0))" } ?? "", quota ?? "", devices.joined(separator: ","),
            "\(mounts.count)" + (mounts.contains { $0.isAbnormal } ? " ABNORMAL" : ""), VolumeReport.text(settings),
        ]
    }
}

extension Logger {
    /// Says nothing: what a command finds is what it prints.
    static var silent: Logger { Logger(label: "csictl") { _ in SwiftLogNoOpLogHandler() } }
}
