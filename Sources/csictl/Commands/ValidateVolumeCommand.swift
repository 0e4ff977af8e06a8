import ArgumentParser
import CSIProto

struct ValidateVolumeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "validate-volume",
        abstract: "Asks whether a volume can be used in a way; exit code 1 when it cannot.")

    @OptionGroup var global: GlobalOptions
    @OptionGroup var use: CapabilityOptions

    @Argument(help: "The volume's id.")
    var id: String

    private struct Report: Encodable {
        var confirmed: Bool
        var message: String
    }

    func run() async throws {
        let reply = try await global.call(
            CSIv1.Controller.validateVolumeCapabilities, .init(volumeID: id, volumeCapabilities: [use.capability]))
        let confirmed = reply.confirmed != nil
        if global.json {
            try Output.json(Report(confirmed: confirmed, message: reply.message))
        } else {
            print(confirmed ? "confirmed" : "not confirmed: \(reply.message)")
        }
        if !confirmed { throw ExitCode(1) }
    }
}
