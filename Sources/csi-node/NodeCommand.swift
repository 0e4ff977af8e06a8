import ArgumentParser
import CSIMain

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

    @OptionGroup var options: DriverOptions
    @OptionGroup var nodeOptions: NodeOptions

    func run() async throws {
        try await StockProgram.run("csi-node", options: options, nodeOptions: nodeOptions)
    }
}
