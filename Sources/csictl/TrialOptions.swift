import ArgumentParser
import CSITransport

/// What the commands have in common that try a driver out with volumes of their own.
struct TrialOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The socket of the Node service; without it, --endpoint serves everything.", valueName: "url"))
    var nodeEndpoint: String?

    @Option(
        name: .customLong("parameter"),
        help: ArgumentHelp("A parameter as in a StorageClass; repeat for more.", valueName: "key=value"))
    var parameters: [KeyValue] = []

    /// A connection to the Node service; nil where it has no socket of its own.
    func connectToNode(_ global: GlobalOptions) async throws -> RPCClient? {
        guard let nodeEndpoint else { return nil }
        return try await global.connect(to: nodeEndpoint, option: "--node-endpoint")
    }
}
