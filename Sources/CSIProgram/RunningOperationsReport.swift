import CSICore
import ServiceLifecycle
import UnixSignals

/// Logs what runs whenever the process gets SIGUSR1.
struct RunningOperationsReport: Service {
    private let server: CSIServer
    private let signals: UnixSignalsSequence

    /// From here on the signal no longer ends the process.
    init(of server: CSIServer) async {
        self.server = server
        signals = await UnixSignalsSequence(trapping: .sigusr1)
    }

    func run() async {
        for await _ in signals.cancelOnGracefulShutdown() { server.dumpRunningOperations() }
    }
}
