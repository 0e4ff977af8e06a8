import ArgumentParser
import CSICore
import CSIHost
import CSIMain

@main
struct NodeCommand: AsyncParsableCommand {
    static let configuration = StockProgram.configuration(
        name: "csi-node",
        abstract: "Serves the CSI Identity and Node services: makes volumes visible to the pods of this node.",
        discussion: """
            Runs on every node, as root. It registers itself with the kubelet (--kubelet-registration-path), or a node
            driver registrar beside it does. Mounts outlive the process.

            Example: csi-node --backend hostpath --endpoint unix:///run/csi/node.sock --node-id $(hostname) \
            --pool /var/lib/csi-pool
            """)

    @MainActor static func main() async {
        // The program runs itself as a helper where a server may never answer.
        guard !NetworkHelper.isCalled else { return NetworkHelper.serve() }
        await main(nil)
    }

    @OptionGroup var options: DriverOptions
    @OptionGroup var nodeOptions: NodeOptions

    func run() async throws {
        try await StockProgram.run("csi-node", options: options, nodeOptions: nodeOptions)
    }
}
