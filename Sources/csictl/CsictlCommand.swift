import ArgumentParser
import CSICore

/// The root of the tool: every RPC of a CSI driver from the shell.
struct CsictlCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "csictl",
        abstract: "Calls CSI drivers from the shell, and looks after those of this machine.",
        discussion: """
            Example: csictl --endpoint unix:///run/csi/controller.sock create-volume demo --capacity 1Gi

            Exit codes: 0 success, 1 the driver answered an error, 64 wrong usage, 69 the driver cannot be reached.
            """,
        version: SwiftCSIVersion.full,
        subcommands: [
            InfoCommand.self, ProbeCommand.self, CreateVolumeCommand.self, DeleteVolumeCommand.self,
            ListVolumesCommand.self, GetVolumeCommand.self, ValidateVolumeCommand.self, GetCapacityCommand.self,
            CapabilitiesCommand.self, NodeCommand.self, DoctorCommand.self, VolumesCommand.self, SnapshotsCommand.self,
            CollectCommand.self, BenchCommand.self, SupportBundleCommand.self, ConformanceCommand.self,
            ReferenceCommand.self,
        ])

    @OptionGroup var global: GlobalOptions
}
