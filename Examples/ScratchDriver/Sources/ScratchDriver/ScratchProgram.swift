import CSICore
import CSIHost
import CSIProgram
import Logging

/// The program of both roles: `--node-id` and `--root` beside the settings that every driver has.
public let scratchProgram = DriverProgram(name: "scratch", variablePrefix: "SCRATCH_") {
    (settings, role, logger) throws(CSIError) in
    let node = settings.nodeID(
        Setting(flag: "--node-id", variable: "SCRATCH_NODE_ID", help: "The name of the node this process runs on."))
    let root = settings.absolutePath(
        Setting(flag: "--root", variable: "SCRATCH_ROOT", help: "The directory on the scratch disk."))
    guard let node, let root else { return nil }
    return try ScratchDriver(nodeID: node, root: root, role: role, host: LinuxHost(), logger: logger)
}
