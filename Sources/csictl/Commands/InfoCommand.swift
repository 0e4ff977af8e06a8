import ArgumentParser
import CSIProto

struct InfoCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "info", abstract: "Shows the driver's name, version and plugin capabilities.")

    @OptionGroup var global: GlobalOptions

    private struct Report: Encodable {
        var name: String
        var version: String
        var manifest: [String: String]
        var capabilities: [String]
    }

    func run() async throws {
        let info = try await global.call(CSIv1.Identity.getPluginInfo, .init())
        let plugin = try await global.call(CSIv1.Identity.getPluginCapabilities, .init())
        let report = Report(
            name: info.name, version: info.vendorVersion, manifest: info.manifest.dictionary,
            capabilities: plugin.capabilities.map(\.displayName))
        if global.json { return try Output.json(report) }
        Output.pairs([
            ("name", report.name), ("version", report.version), ("manifest", VolumeReport.text(report.manifest)),
            ("capabilities", report.capabilities.joined(separator: ", ")),
        ])
    }
}

extension CSIv1.PluginCapability {
    fileprivate var displayName: String {
        switch type {
        case .service(let service): service.type.name ?? "service \(service.type.rawValue)"
        case .volumeExpansion(let expansion):
            "VOLUME_EXPANSION_" + (expansion.type.name ?? "\(expansion.type.rawValue)")
        case nil: "UNKNOWN"
        }
    }
}
