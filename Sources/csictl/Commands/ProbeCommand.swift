import ArgumentParser
import CSIProto

struct ProbeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "probe", abstract: "Asks whether the driver is ready; exit code 1 when it is not.")

    @OptionGroup var global: GlobalOptions

    func run() async throws {
        let reply = try await global.call(CSIv1.Identity.probe, .init())
        // An absent value means ready.
        let ready = reply.ready?.value ?? true
        if global.json {
            try Output.json(["ready": ready])
        } else {
            print(ready ? "ready" : "not ready: the driver is starting")
        }
        if !ready { throw ExitCode(1) }
    }
}
