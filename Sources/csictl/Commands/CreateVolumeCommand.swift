import ArgumentParser
import CSIProto

struct CreateVolumeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "create-volume", abstract: "Makes a volume, or finds the one of this name, and prints its id.")

    @OptionGroup var global: GlobalOptions
    @OptionGroup var use: CapabilityOptions

    @Argument(help: "The volume's name.")
    var name: String

    @Option(help: ArgumentHelp("The smallest acceptable size, for example 1Gi.", valueName: "size"))
    var capacity: ByteSize?

    @Option(help: ArgumentHelp("The largest acceptable size.", valueName: "size"))
    var limit: ByteSize?

    @Option(
        name: .customLong("parameter"),
        help: ArgumentHelp("A parameter as in a StorageClass; repeat for more.", valueName: "key=value"))
    var parameters: [KeyValue] = []

    func run() async throws {
        var request = CSIv1.CreateVolumeRequest(name: name, volumeCapabilities: [use.capability])
        if capacity != nil || limit != nil {
            request.capacityRange = .init(requiredBytes: capacity?.bytes ?? 0, limitBytes: limit?.bytes ?? 0)
        }
        for parameter in parameters { request.parameters[parameter.key] = parameter.value }
        let reply = try await global.call(CSIv1.Controller.createVolume, request)
        let report = VolumeReport(reply.volume ?? .init())
        if global.json { try Output.json(report) } else { print(report.volumeID) }
    }
}
