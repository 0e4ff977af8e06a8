import ArgumentParser
import CSIProto

struct GetVolumeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "get-volume", abstract: "Shows one volume and its condition.")

    @OptionGroup var global: GlobalOptions

    @Argument(help: "The volume's id.")
    var id: String

    func run() async throws {
        let reply = try await global.call(CSIv1.Controller.controllerGetVolume, .init(volumeID: id))
        let report = VolumeReport(reply.volume ?? .init(), condition: reply.status?.volumeCondition)
        if global.json { try Output.json(report) } else { Output.pairs(report.pairs) }
    }
}
