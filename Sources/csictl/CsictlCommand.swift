import ArgumentParser
import CSICore

/// The root of the tool: every RPC of a CSI driver from the shell.
@main
struct CsictlCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "csictl",
        abstract: "Calls a CSI driver over its Unix socket: every RPC from the shell.",
        discussion: """
            Example: csictl --endpoint unix:///run/csi/controller.sock create-volume demo --capacity 1Gi

            Exit codes: 0 success, 1 the driver answered an error, 64 wrong usage, 69 the driver cannot be reached.
            """,
        version: SwiftCSIVersion.current,
        subcommands: [
            InfoCommand.self, ProbeCommand.self, CreateVolumeCommand.self, DeleteVolumeCommand.self,
            ListVolumesCommand.self, GetVolumeCommand.self, ValidateVolumeCommand.self, GetCapacityCommand.self,
            ControllerCommand.self, NodeCommand.self, ConformanceCommand.self,
        ])

    @OptionGroup var global: GlobalOptions
}
