import ArgumentParser
import CSIProto

struct NodeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "node", abstract: "Calls of the Node service.",
        subcommands: [Info.self, Publish.self, Unpublish.self, Stats.self])

    @OptionGroup var global: GlobalOptions

    struct Info: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "info", abstract: "Shows the node's id, limits and topology.")

        @OptionGroup var global: GlobalOptions

        private struct Report: Encodable {
            var nodeID: String
            var maxVolumesPerNode: Int64
            var accessibleTopology: [String: String]

            enum CodingKeys: String, CodingKey {
                case nodeID = "node_id"
                case maxVolumesPerNode = "max_volumes_per_node"
                case accessibleTopology = "accessible_topology"
            }
        }

        func run() async throws {
            let reply = try await global.call(CSIv1.Node.nodeGetInfo, .init())
            let report = Report(
                nodeID: reply.nodeID, maxVolumesPerNode: reply.maxVolumesPerNode,
                accessibleTopology: reply.accessibleTopology?.segments.dictionary ?? [:])
            if global.json { return try Output.json(report) }
            Output.pairs([
                ("node", report.nodeID),
                ("volumes", report.maxVolumesPerNode == 0 ? "no limit" : "at most \(report.maxVolumesPerNode)"),
                ("topology", VolumeReport.text(report.accessibleTopology)),
            ])
        }
    }

    struct Publish: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "publish", abstract: "Makes a volume visible at a path of the node.")

        @OptionGroup var global: GlobalOptions
        @OptionGroup var use: CapabilityOptions

        @Argument(help: "The volume's id.")
        var id: String

        @Option(help: ArgumentHelp("Where the volume shall appear; the parent exists.", valueName: "path"))
        var targetPath: String

        @Flag(help: "Refuse writing through this path.")
        var readOnly = false

        func run() async throws {
            let request = CSIv1.NodePublishVolumeRequest(
                volumeID: id, targetPath: targetPath, volumeCapability: use.capability, readonly: readOnly)
            _ = try await global.call(CSIv1.Node.nodePublishVolume, request)
            if global.json {
                try Output.json(["target_path": targetPath, "volume_id": id])
            } else {
                print("published \(id) at \(targetPath)")
            }
        }
    }

    struct Unpublish: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "unpublish", abstract: "Takes a volume away from a path; an absent one is success.")

        @OptionGroup var global: GlobalOptions

        @Argument(help: "The volume's id.")
        var id: String

        @Option(help: ArgumentHelp("Where the volume appears.", valueName: "path"))
        var targetPath: String

        func run() async throws {
            _ = try await global.call(CSIv1.Node.nodeUnpublishVolume, .init(volumeID: id, targetPath: targetPath))
            if global.json {
                try Output.json(["target_path": targetPath, "volume_id": id])
            } else {
                print("unpublished \(id) from \(targetPath)")
            }
        }
    }

    struct Stats: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "stats", abstract: "Shows how full a published volume is, and its condition.")

        @OptionGroup var global: GlobalOptions

        @Argument(help: "The volume's id.")
        var id: String

        @Option(help: ArgumentHelp("Where the volume is published.", valueName: "path"))
        var volumePath: String

        private struct Report: Encodable {
            var usage: [Usage]
            var condition: VolumeReport.Condition?

            struct Usage: Encodable {
                var unit: String
                var available: Int64
                var total: Int64
                var used: Int64
            }
        }

        func run() async throws {
            let reply = try await global.call(
                CSIv1.Node.nodeGetVolumeStats, .init(volumeID: id, volumePath: volumePath))
            let report = Report(
                usage: reply.usage.map {
                    .init(unit: $0.unit.name ?? "UNKNOWN", available: $0.available, total: $0.total, used: $0.used)
                },
                condition: reply.volumeCondition.map { .init(abnormal: $0.abnormal, message: $0.message) })
            if global.json { return try Output.json(report) }
            Output.table(
                ["UNIT", "TOTAL", "USED", "AVAILABLE"],
                report.usage.map { usage in
                    let amounts = [usage.total, usage.used, usage.available]
                    return [usage.unit] + amounts.map { usage.unit == "BYTES" ? "\(ByteSize(bytes: $0))" : "\($0)" }
                })
            if let condition = report.condition {
                print("condition: " + (condition.abnormal ? "ABNORMAL: " : "") + condition.message)
            }
        }
    }
}
