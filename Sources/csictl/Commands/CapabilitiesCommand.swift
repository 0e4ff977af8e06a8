import ArgumentParser
import CSIProto
import CSITransport

struct CapabilitiesCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "capabilities", abstract: "Lists what the services at a socket can do.",
        discussion: "A service that is not served there is left out.")

    @OptionGroup var global: GlobalOptions

    private struct Report: Encodable {
        var controller: [String]?
        var groupController: [String]?
        var node: [String]?
    }

    func run() async throws {
        let client = try await global.connect()
        defer { client.close() }
        var report = Report()
        report.controller = try await ask(client, CSIv1.Controller.controllerGetCapabilities, .init())?
            .capabilities.map { capability in
                guard case .rpc(let rpc) = capability.type else { return "UNKNOWN" }
                return rpc.type.name ?? "\(rpc.type.rawValue)"
            }
        report.groupController = try await ask(
            client, CSIv1.GroupController.groupControllerGetCapabilities, .init())?
            .capabilities.map { capability in
                guard case .rpc(let rpc) = capability.type else { return "UNKNOWN" }
                return rpc.type.name ?? "\(rpc.type.rawValue)"
            }
        report.node = try await ask(client, CSIv1.Node.nodeGetCapabilities, .init())?
            .capabilities.map { capability in
                guard case .rpc(let rpc) = capability.type else { return "UNKNOWN" }
                return rpc.type.name ?? "\(rpc.type.rawValue)"
            }
        if global.json { return try Output.json(report) }
        for (service, names) in [
            ("Controller", report.controller), ("GroupController", report.groupController), ("Node", report.node),
        ] {
            guard let names else { continue }
            print("\(service):")
            Output.lines(names.map { "  " + $0 })
        }
    }

    /// The answer; nil when the service is not served.
    private func ask<Request: ProtoMessage, Reply: ProtoMessage>(
        _ client: RPCClient, _ method: RPCMethod<Request, Reply>, _ request: Request
    ) async throws -> Reply? {
        do throws(RPCError) {
            return try await client.unary(method, request, timeout: .seconds(global.timeout))
        } catch {
            guard error.code == .unimplemented else {
                GlobalOptions.complain("\(method.name): \(error.code.name): \(error.message)")
                throw ExitCode(1)
            }
            return nil
        }
    }
}
