import ArgumentParser
import CSIProto

struct GetCapacityCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "get-capacity", abstract: "Shows how much room there is for new volumes.")

    @OptionGroup var global: GlobalOptions

    @Option(
        name: .customLong("topology"),
        help: ArgumentHelp("Room that is reachable from here; repeat for more segments.", valueName: "key=value"))
    var segments: [KeyValue] = []

    private struct Report: Encodable {
        var availableBytes: Int64
        var maximumVolumeBytes: Int64?

        enum CodingKeys: String, CodingKey {
            case availableBytes = "available_capacity"
            case maximumVolumeBytes = "maximum_volume_size"
        }
    }

    func run() async throws {
        var request = CSIv1.GetCapacityRequest()
        if !segments.isEmpty {
            var topology = CSIv1.Topology()
            for segment in segments { topology.segments[segment.key] = segment.value }
            request.accessibleTopology = topology
        }
        let reply = try await global.call(CSIv1.Controller.getCapacity, request)
        if global.json {
            return try Output.json(
                Report(availableBytes: reply.availableCapacity, maximumVolumeBytes: reply.maximumVolumeSize?.value))
        }
        Output.pairs([
            ("available", "\(ByteSize(bytes: reply.availableCapacity)) (\(reply.availableCapacity) bytes)"),
            ("largest volume", reply.maximumVolumeSize.map { "\(ByteSize(bytes: $0.value))" } ?? "not known"),
        ])
    }
}
