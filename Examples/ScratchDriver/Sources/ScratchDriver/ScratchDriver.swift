import CSICore
import CSIHost
import CSIPool
import Logging
import SystemPackage

/// Scratch space for pods: directories on a fast local disk that are gone with their claim.
struct ScratchDriver: CSIDriver {
    let info: PluginInfo
    let nodeID: NodeID
    let support = VolumeSupport(
        modes: [.singleNodeWriter, .singleNodeSingleWriter, .singleNodeMultiWriter], mount: .bindMounts)
    let pool: VolumePool

    init(nodeID: NodeID, root: FilePath, role: Role, host: any Host, logger: Logger) throws(CSIError) {
        info = try PluginInfo(name: "scratch.example.com", version: "1.0.0")
        self.nodeID = nodeID
        pool = VolumePool(path: root, access: role == .node ? .lookUp : .manage, host: host, logger: logger)
    }

    func preflight() async throws(CSIError) {
        try await pool.open()
    }

    func start() async throws(CSIError) {
        try await pool.rebuild()
    }
}
