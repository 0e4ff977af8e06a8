import CSICore
import Synchronization

/// A driver that keeps its volumes in memory, for tests of the framework.
class MemoryDriver: @unchecked Sendable, VolumeProvisioning {
    // Subclasses add conformances and no stored state, so the mutex below guards all there is.
    let info: PluginInfo
    let support = VolumeSupport(modes: [.singleNodeWriter])
    private let volumes = Mutex<[VolumeID: Volume]>([:])
    let startGate: Gate?

    init(startGate: Gate? = nil) throws {
        info = try PluginInfo(name: "memory.example.com", version: "1")
        self.startGate = startGate
    }

    func start() async throws(CSIError) {
        await startGate?.wait()
    }

    func create(_ request: CreateVolume) async throws(CSIError) -> Volume {
        if request.name.rawValue == "full" { throw .noSpace("no room") }
        let volume = Volume(id: VolumeID(derivedFrom: request.name), capacity: request.capacity?.required ?? 0)
        volumes.withLock { $0[volume.id] = volume }
        return volume
    }

    func delete(_ request: DeleteVolume) async throws(CSIError) {
        volumes.withLock { $0[request.id] = nil }
    }

    func volume(_ id: VolumeID) async throws(CSIError) -> Volume? {
        volumes.withLock { $0[id] }
    }

    func details() -> [VolumeDetails] {
        volumes.withLock { $0.values.sorted { $0.id < $1.id }.map { VolumeDetails(volume: $0) } }
    }
}

/// The same driver, able to list.
final class ListingDriver: MemoryDriver, VolumeListing, @unchecked Sendable {
    func list(_ request: ListVolumes) async throws(CSIError) -> VolumePage {
        VolumePage(entries: details(), next: nil)
    }
}
