import ArgumentParser
import CSIProto

struct ControllerCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "controller", abstract: "Other calls of the Controller service.",
        subcommands: [Capabilities.self])

    @OptionGroup var global: GlobalOptions

    struct Capabilities: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "capabilities", abstract: "Lists what the Controller service can do.")

        @OptionGroup var global: GlobalOptions

        func run() async throws {
            let reply = try await global.call(CSIv1.Controller.controllerGetCapabilities, .init())
            let names = reply.capabilities.map { capability in
                guard case .rpc(let rpc) = capability.type else { return "UNKNOWN" }
                return rpc.type.name ?? "\(rpc.type.rawValue)"
            }
            if global.json { try Output.json(["capabilities": names]) } else { Output.lines(names) }
        }
    }
}
