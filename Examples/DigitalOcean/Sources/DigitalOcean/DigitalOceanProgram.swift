import CSICore
import CSIHost
import CSIProgram
import Logging
import SystemPackage

/// The programs of both roles.
///
/// Only the controller has a token.
public let digitalOceanProgram = DriverProgram(name: "do-csi", variablePrefix: "DIGITALOCEAN_") {
    (settings, role, logger) async throws(CSIError) in
    let droplet = settings.optionalText(
        setting("--droplet-id", "DROPLET_ID", "The droplet this process runs on; the metadata service knows it."))
    let region = settings.optionalText(
        setting("--region", "REGION", "The region of the volumes; the metadata service knows it."))
    let metadata = settings.serviceAddress(
        setting("--metadata-url", "METADATA_URL", "The metadata service."), default: "http://169.254.169.254")
    let limit = settings.positiveNumber(
        setting("--droplet-volume-limit", "DROPLET_VOLUME_LIMIT", "How many volumes a droplet takes."), default: 15)
    let notes = settings.optionalText(
        setting("--notes", "NOTES", "Where the node remembers what is staged; by default /run/dobs-csi."))
    let wait = settings.positiveNumber(
        setting("--device-timeout", "DEVICE_TIMEOUT", "In how many seconds an attached volume appears."), default: 60)
    var api = HTTPTransport(base: "", token: nil)
    if role != .node {
        let base = settings.serviceAddress(
            setting("--api-url", "API_URL", "The API."), default: "https://api.digitalocean.com")
        let token = settings.secret(
            inFile: setting("--access-token-file", "ACCESS_TOKEN_FILE", "The file that holds the API's token."),
            or: setting("", "ACCESS_TOKEN", "The API's token."))
        guard let base, let token else { return nil }
        api = HTTPTransport(base: base, token: token)
    }
    guard let metadata, let limit, let wait, settings.mistakes.isEmpty else { return nil }
    let place = Metadata(service: HTTPTransport(base: metadata, token: nil))
    return try DigitalOceanDriver(
        nodeID: NodeID(role == .controller ? "none" : try await place.value("id", unless: droplet)),
        region: try await place.value("region", unless: region), dropletLimit: limit, transport: api,
        notes: FilePath(notes ?? "/run/dobs-csi"), deviceLimit: .seconds(wait), host: LinuxHost(), logger: logger)
}

private func setting(_ flag: String, _ variable: String, _ help: String) -> Setting {
    Setting(flag: flag, variable: "DIGITALOCEAN_\(variable)", help: help)
}

/// What a droplet can ask about itself.
private struct Metadata {
    let service: HTTPTransport

    func value(_ key: String, unless known: String?) async throws(CSIError) -> String {
        if let known { return known }
        do throws(ConnectionFailure) {
            let answer = try await service.send(
                APIRequest(method: "GET", path: "/metadata/v1/\(key)"), within: .seconds(5))
            let text = String(decoding: answer.body, as: UTF8.self)
            if answer.status == 200, !text.isEmpty { return text }
            throw ConnectionFailure(detail: "it was answered \(answer.status)")
        } catch {
            throw .unavailable("the metadata service does not tell this droplet's \(key), so set it: \(error.detail)")
        }
    }
}
