import ArgumentParser
import CSIMain

struct ControllerCommand: AsyncParsableCommand {
    static let configuration = StockProgram.configuration(
        name: "csi-controller",
        abstract: "Serves the CSI Identity and Controller services: makes, removes and lists volumes.",
        discussion: """
            Runs beside the external provisioner. One controller manages a pool; a second one refuses to start.

            Example: csi-controller --backend hostpath --endpoint unix:///run/csi/controller.sock --node-id $(hostname) \
            --pool /var/lib/csi-pool
            """)

    @OptionGroup var options: DriverOptions
    @OptionGroup var controllerOptions: ControllerOptions

    func run() async throws {
        try await StockProgram.run("csi-controller", options: options, controllerOptions: controllerOptions)
    }
}
