import ArgumentParser
import CSIProto

struct ListVolumesCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list-volumes", abstract: "Lists all volumes, page by page.")

    @OptionGroup var global: GlobalOptions

    @Option(help: ArgumentHelp("Print one page of at most this many volumes.", valueName: "count"))
    var maxEntries: Int32?

    @Option(help: ArgumentHelp("Begin at the token that the page before ended with.", valueName: "token"))
    var startingToken: String?

    private struct Report: Encodable {
        var volumes: [VolumeReport]
        var nextToken: String

        enum CodingKeys: String, CodingKey {
            case volumes
            case nextToken = "next_token"
        }
    }

    func run() async throws {
        var report = Report(volumes: [], nextToken: startingToken ?? "")
        repeat {
            let page = try await global.call(
                CSIv1.Controller.listVolumes, .init(maxEntries: maxEntries ?? 0, startingToken: report.nextToken))
            report.volumes += page.entries.map {
                VolumeReport($0.volume ?? .init(), condition: $0.status?.volumeCondition)
            }
            // A driver that hands out the same token for ever must not keep us for ever.
            guard page.nextToken != report.nextToken || page.nextToken.isEmpty else { break }
            report.nextToken = page.nextToken
        } while maxEntries == nil && !report.nextToken.isEmpty
        if global.json { return try Output.json(report) }
        Output.table(["VOLUME", "CAPACITY", "TOPOLOGY"], report.volumes.map(\.row))
        if !report.nextToken.isEmpty { print("more: --starting-token \(report.nextToken)") }
    }
}
