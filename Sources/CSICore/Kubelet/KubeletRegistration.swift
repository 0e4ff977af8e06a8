import CSILock
import CSIProto
import CSITransport
import CoreMetrics
public import Logging
public import ServiceLifecycle

/// Registers a driver with the kubelet of its node, without a registrar beside it.
///
/// It serves `pluginregistration.v1` on `NAME-reg.sock` in the directory that the kubelet watches. The kubelet asks there who
/// the driver is, connects to the driver's own socket and says how the registration went. A kubelet that starts anew finds
/// the socket again; when the socket was removed, or the registration failed, it is made again.
///
/// ```swift
/// let registration = try KubeletRegistration(of: server, socketOnHost: "/var/lib/kubelet/plugins/my.driver/csi.sock")
/// ServiceGroup(services: [server, registration], logger: logger)
/// ```
public final class KubeletRegistration: Service {
    /// Where the kubelet looks for plugins unless it was told otherwise.
    public static let defaultRegistry = "/var/lib/kubelet/plugins_registry"

    private struct State {
        var isStopping = false
        var isRegistered = false
        var server: RPCServer?
    }

    private let server: CSIServer
    private let info: PluginRegistrationV1.PluginInfo
    private let endpoint: Endpoint
    private let interval: Duration
    private let logger: Logger
    private let state = Guarded(State())
    private let registered = Meter(label: ServerMetrics.registeredDescription.name)

    /// Creates a registration; nothing happens before ``run()``.
    ///
    /// - Parameters:
    ///   - server: The driver's server; the driver is registered once it is ready.
    ///   - socketOnHost: The absolute path at which the kubelet, outside of any container, finds the server's socket.
    ///   - registry: The directory that the kubelet watches, as this process sees it.
    ///   - interval: How often the socket is looked after.
    ///   - logger: Told how the registration went.
    /// - Throws: INVALID_ARGUMENT when a path cannot be that of a socket.
    public init(
        of server: CSIServer, socketOnHost: String, registry: String = defaultRegistry,
        interval: Duration = .seconds(10), logger: Logger
    ) throws(CSIError) {
        guard socketOnHost.hasPrefix("/"), !socketOnHost.utf8.contains(0) else {
            throw .invalid("the socket's path for the kubelet", "must be absolute, and is \"\(socketOnHost)\"")
        }
        do throws(EndpointError) {
            endpoint = try Endpoint(parsing: "\(registry)/\(server.driverInfo.name)-reg.sock")
        } catch {
            throw .invalid("the kubelet's registry", "cannot hold the registration's socket: \(error)")
        }
        info = PluginRegistrationV1.PluginInfo(
            type: "CSIPlugin", name: server.driverInfo.name, endpoint: socketOnHost, supportedVersions: ["1.0.0"])
        self.server = server
        self.interval = interval
        self.logger = logger
        registered.set(0)
    }

    /// Whether the kubelet has said that the driver is registered.
    public var isRegistered: Bool { state.withLock { $0.isRegistered } }

    /// Waits until the driver is ready, then keeps it registered until a graceful shutdown or cancellation.
    public func run() async throws {
        await withTaskCancellationOrGracefulShutdownHandler {
            while !isStopping {
                guard await server.waitUntilReady() else { return }
                await serveOnce()
            }
        } onCancelOrGracefulShutdown: {
            self.stop()
        }
    }

    private var isStopping: Bool { state.withLock { $0.isStopping } || Task.isCancelled }

    private func stop() {
        state.withLock { state in
            state.isStopping = true
            return state.server
        }?.beginGracefulShutdown()
    }

    /// Serves until the socket's file has gone, the kubelet has refused the driver, or the process ends.
    private func serveOnce() async {
        let rpc = RPCServer(endpoint: endpoint, router: router(), logger: logger)
        do {
            try rpc.bind()
        } catch {
            logger.error(
                "cannot register with the kubelet for now",
                metadata: ["socket": "\(endpoint.path)", "error": "\(error)"])
            await rest()
            return
        }
        let mayServe = state.withLock { state in
            if !state.isStopping { state.server = rpc }
            return !state.isStopping
        }
        guard mayServe else { return rpc.beginGracefulShutdown() }
        logger.info("waiting for the kubelet", metadata: ["socket": "\(endpoint.path)"])
        let file = SocketFile(endpoint.path)
        await withTaskGroup { group in
            group.addTask { try? await rpc.run() }
            group.addTask {
                while !self.isStopping {
                    await self.rest()
                    guard file == SocketFile(self.endpoint.path) else {
                        self.logger.notice("the registration's socket was removed; it is made again")
                        break
                    }
                    // The kubelet looks at a socket once; a new one makes it try again.
                    if self.state.withLock({ $0.server == nil }) { break }
                }
                rpc.beginGracefulShutdown()
            }
            await group.next()
            group.cancelAll()
        }
        state.withLock { state in
            state.server = nil
            state.isRegistered = false
        }
        registered.set(0)
    }

    private func rest() async {
        try? await Task.sleep(for: interval)
    }

    private func router() -> RPCRouter {
        var router = RPCRouter()
        let info = info
        router.unary(PluginRegistrationV1.Registration.getInfo) { (_, _) async throws(RPCError) in info }
        router.unary(PluginRegistrationV1.Registration.notifyRegistrationStatus) {
            [weak self] (status, _) async throws(RPCError) in
            self?.notice(status)
            return PluginRegistrationV1.RegistrationStatusResponse()
        }
        return router
    }

    private func notice(_ status: PluginRegistrationV1.RegistrationStatus) {
        state.withLock { state in
            state.isRegistered = status.pluginRegistered
            if !status.pluginRegistered { state.server = nil }
        }
        registered.set(status.pluginRegistered ? 1 : 0)
        if status.pluginRegistered {
            logger.notice("registered with the kubelet", metadata: ["kubelet_socket": "\(info.endpoint)"])
        } else {
            logger.error(
                "the kubelet refused the driver; it is asked again", metadata: ["error": "\(status.error)"])
        }
    }
}
