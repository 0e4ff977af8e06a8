import ArgumentParser
import CSICore
import CSIHost
import CSIMain

@main
struct ControllerCommand: AsyncParsableCommand {
    static let configuration = StockProgram.configuration(
        name: "csi-controller",
        abstract: "Serves the CSI Identity and Controller services: makes, removes and lists volumes.",
        discussion: """
            Runs beside the external provisioner. One controller manages a pool; a second one refuses to start.

            Example: csi-controller --backend hostpath --endpoint unix:///run/csi/controller.sock --node-id $(hostname) \
            --pool /var/lib/csi-pool
            """)

    @MainActor static func main() async {
        // The program runs itself as a helper where a server may never answer.
        guard !NetworkHelper.isCalled else { return NetworkHelper.serve() }
        await main(nil)
    }

    @OptionGroup var options: DriverOptions
    @OptionGroup var controllerOptions: ControllerOptions

    func run() async throws {
        try await StockProgram.run("csi-controller", options: options, controllerOptions: controllerOptions)
    }
}
