import ArgumentParser
import CSIProto

struct DeleteVolumeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "delete-volume", abstract: "Removes a volume and its data; an absent one is success.")

    @OptionGroup var global: GlobalOptions

    @Argument(help: "The volume's id.")
    var id: String

    func run() async throws {
        _ = try await global.call(CSIv1.Controller.deleteVolume, .init(volumeID: id))
        if global.json { try Output.json(["volume_id": id]) } else { print("deleted \(id)") }
    }
}
