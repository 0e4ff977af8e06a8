import CSIProto
import CSITransport
import Glibc
import Logging
import Synchronization
import Testing

@testable import CSICore

/// Log lines kept for a test to look at.
final class LogCapture: Sendable {
    private let lines = Mutex<[String]>([])

    var all: [String] { lines.withLock { $0 } }

    func logger() -> Logger {
        Logger(label: "test") { _ in Handler(capture: self) }
    }

    private struct Handler: LogHandler {
        let capture: LogCapture
        var logLevel = Logger.Level.trace
        var metadata: Logger.Metadata = [:]

        init(capture: LogCapture) {
            self.capture = capture
        }

        subscript(metadataKey key: String) -> Logger.MetadataValue? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            let all = metadata.merging(event.metadata ?? [:]) { _, new in new }
            let pairs = all.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
            capture.lines.withLock { $0.append("\(event.level) \(event.message) \(pairs.joined(separator: " "))") }
        }
    }
}

@Suite("A driver behind a socket", .timeLimit(.minutes(5)))
struct CSIServerTests {
    private let capture = LogCapture()

    /// Serves a driver on a socket of its own while `body` runs.
    private func serving(
        _ driver: any CSIDriver, role: Role = .all, without disabled: Set<Ability> = [],
        _ body: (RPCClient) async throws -> Void
    ) async throws {
        var template = Array("/tmp/swift-csi-test.XXXXXX".utf8CString)
        let directory = try #require(mkdtemp(&template).map { String(cString: $0) })
        defer { rmdir(directory) }
        let endpoint = try Endpoint(parsing: "unix://\(directory)/csi.sock")
        let server = CSIServer(
            driver, role: role, configuration: .init(endpoint: endpoint, disabledAbilities: disabled),
            logger: capture.logger())
        let running = Task { try await server.run() }
        let client = try await RPCClient.connect(to: endpoint, timeout: .seconds(60))
        do {
            try await body(client)
        } catch {
            Issue.record(error)
        }
        client.close()
        server.beginGracefulShutdown()
        try await running.value
    }

    private func create(_ name: String) -> CSIv1.CreateVolumeRequest {
        .init(
            name: name, capacityRange: .init(requiredBytes: 1),
            volumeCapabilities: [.init(accessType: .mount(.init()), accessMode: .init(mode: .singleNodeWriter))],
            secrets: Secrets(["password": "hunter2"]))
    }

    private func code(_ call: () async throws -> Void) async -> String {
        do {
            try await call()
            return "OK"
        } catch let error as RPCError {
            return error.code.name
        } catch {
            return "\(error)"
        }
    }

    @Test("Until the start has ended: not ready, and no call reaches the driver")
    func starting() async throws {
        let gate = Gate()
        try await serving(MemoryDriver(startGate: gate)) { client in
            #expect(try await client.unary(CSIv1.Identity.probe, .init()).ready?.value == false)
            #expect(try await client.unary(CSIv1.Identity.getPluginInfo, .init()).name == "memory.example.com")
            let early = await code { _ = try await client.unary(CSIv1.Controller.createVolume, create("v")) }
            #expect(early == "UNAVAILABLE")
            #expect(try await client.unary(GRPCHealthV1.Health.check, .init()).status == .notServing)
            gate.open()
            while try await client.unary(CSIv1.Identity.probe, .init()).ready?.value != true {
                try await Task.sleep(for: .milliseconds(1))
            }
            while try await client.unary(GRPCHealthV1.Health.check, .init()).status != .serving {
                try await Task.sleep(for: .milliseconds(1))
            }
            let reply = try await client.unary(CSIv1.Controller.createVolume, create("v"))
            #expect(reply.volume?.volumeID == "v")
        }
    }

    @Test("What a driver does not conform to is neither advertised nor routed")
    func derived() async throws {
        try await serving(MemoryDriver()) { client in
            let capabilities = try await client.unary(CSIv1.Controller.controllerGetCapabilities, .init()).names
            #expect(capabilities == ["CREATE_DELETE_VOLUME"])
            let answers = [
                await code { _ = try await client.unary(CSIv1.Controller.listVolumes, .init()) },
                await code { _ = try await client.unary(CSIv1.Controller.getCapacity, .init()) },
                await code { _ = try await client.unary(CSIv1.Controller.createSnapshot, .init()) },
                await code { _ = try await client.unary(CSIv1.Node.nodeGetInfo, .init()) },
            ]
            #expect(answers == ["UNIMPLEMENTED", "UNIMPLEMENTED", "UNIMPLEMENTED", "UNIMPLEMENTED"])
        }
        try await serving(ListingDriver()) { client in
            while try await client.unary(CSIv1.Identity.probe, .init()).ready?.value != true {}
            let capabilities = try await client.unary(CSIv1.Controller.controllerGetCapabilities, .init()).names
            #expect(capabilities == ["CREATE_DELETE_VOLUME", "LIST_VOLUMES"])
            _ = try await client.unary(CSIv1.Controller.listVolumes, .init())
        }
    }

    @Test("Configuration takes an ability away as if the driver did not have it")
    func subtracted() async throws {
        try await serving(ListingDriver(), without: [.volumeListing]) { client in
            let capabilities = try await client.unary(CSIv1.Controller.controllerGetCapabilities, .init()).names
            #expect(capabilities == ["CREATE_DELETE_VOLUME"])
            let answer = await code { _ = try await client.unary(CSIv1.Controller.listVolumes, .init()) }
            #expect(answer == "UNIMPLEMENTED")
        }
    }

    @Test("A node process serves no controller calls and lists the same plugin capabilities", arguments: Role.allCases)
    func roles(role: Role) async throws {
        try await serving(MemoryDriver(), role: role) { client in
            while try await client.unary(CSIv1.Identity.probe, .init()).ready?.value != true {}
            let plugin = try await client.unary(CSIv1.Identity.getPluginCapabilities, .init())
            #expect(plugin.capabilities == [.init(type: .service(.init(type: .controllerService)))])
            let answer = await code { _ = try await client.unary(CSIv1.Controller.createVolume, create("v")) }
            #expect(answer == (role == .node ? "UNIMPLEMENTED" : "OK"))
        }
    }

    @Test("Errors keep their code and message; one line per call, with the subject and without secrets")
    func logs() async throws {
        try await serving(MemoryDriver()) { client in
            while try await client.unary(CSIv1.Identity.probe, .init()).ready?.value != true {}
            _ = try await client.unary(CSIv1.Controller.createVolume, create("v"))
            let full = await #expect(throws: RPCError.self) {
                try await client.unary(CSIv1.Controller.createVolume, create("full"))
            }
            #expect(full?.code == .resourceExhausted)
            #expect(full?.message == "no room")
            let bad = await code { _ = try await client.unary(CSIv1.Controller.deleteVolume, .init()) }
            #expect(bad == "INVALID_ARGUMENT")
        }
        let calls = capture.all.filter { $0.contains("call ") && $0.contains("method=") && !$0.hasPrefix("trace") }
        #expect(calls.count == 3)
        #expect(calls[0].contains("method=CreateVolume") && calls[0].contains("subject=v"))
        #expect(calls[0].contains("code=OK") && calls[0].contains("request_id="))
        #expect(calls[1].contains("code=RESOURCE_EXHAUSTED") && calls[1].contains("error=no room"))
        #expect(calls[2].hasPrefix("warning") && calls[2].contains("volume_id is required"))
        #expect(!capture.all.contains { $0.contains("hunter2") })
    }

    @Test("Capabilities are checked against what the driver supports before it is called")
    func support() async throws {
        try await serving(MemoryDriver()) { client in
            while try await client.unary(CSIv1.Identity.probe, .init()).ready?.value != true {}
            var request = create("v")
            request.volumeCapabilities[0].accessMode = .init(mode: .multiNodeMultiWriter)
            let error = await #expect(throws: RPCError.self) {
                try await client.unary(CSIv1.Controller.createVolume, request)
            }
            #expect(error?.code == .invalidArgument)
            #expect(error?.message.contains("volume_capabilities[0].access_mode") == true)

            _ = try await client.unary(CSIv1.Controller.createVolume, create("v"))
            let asked = CSIv1.ValidateVolumeCapabilitiesRequest(
                volumeID: "v", volumeCapabilities: request.volumeCapabilities)
            let reply = try await client.unary(CSIv1.Controller.validateVolumeCapabilities, asked)
            #expect(reply.confirmed == nil)
            #expect(reply.message.contains("MULTI_NODE_MULTI_WRITER"))
            let unknown = await code {
                _ = try await client.unary(
                    CSIv1.Controller.validateVolumeCapabilities,
                    .init(volumeID: "w", volumeCapabilities: create("w").volumeCapabilities))
            }
            #expect(unknown == "NOT_FOUND")
        }
    }

    @Test("Content sources, mutable keys, staging and groups are dealt with before the driver")
    func beforeTheDriver() async throws {
        try await serving(FullDriver()) { client in
            while try await client.unary(CSIv1.Identity.probe, .init()).ready?.value != true {}
            var clone = create("clone")
            clone.volumeContentSource = .init(type: .volume(.init(volumeID: "v")))
            let reply = try await client.unary(CSIv1.Controller.createVolume, clone)
            #expect(reply.volume?.contentSource == clone.volumeContentSource)
            clone.volumeContentSource = .init(type: .volume(.init(volumeID: "forgotten")))
            let fault = await code { _ = try await client.unary(CSIv1.Controller.createVolume, clone) }
            #expect(fault == "INTERNAL")

            var mutable = create("m")
            mutable.mutableParameters = ["no-such-key": "1"]
            let badKey = await code { _ = try await client.unary(CSIv1.Controller.createVolume, mutable) }
            #expect(badKey == "INVALID_ARGUMENT")
            _ = try await client.unary(CSIv1.Controller.createVolume, create("m"))
            let modified = await code {
                _ = try await client.unary(
                    CSIv1.Controller.controllerModifyVolume,
                    .init(volumeID: "m", mutableParameters: ["no-such-key": "1"]))
            }
            #expect(modified == "INVALID_ARGUMENT")
            let unknown = await code {
                _ = try await client.unary(CSIv1.Controller.controllerModifyVolume, .init(volumeID: "none"))
            }
            #expect(unknown == "NOT_FOUND")

            let publish = CSIv1.NodePublishVolumeRequest(
                volumeID: "m", targetPath: "/t", volumeCapability: create("m").volumeCapabilities[0])
            let unstaged = await code { _ = try await client.unary(CSIv1.Node.nodePublishVolume, publish) }
            #expect(unstaged == "FAILED_PRECONDITION")

            let mismatch = await code {
                _ = try await client.unary(
                    CSIv1.GroupController.getVolumeGroupSnapshot,
                    .init(groupSnapshotID: "g", snapshotIDs: ["other"]))
            }
            #expect(mismatch == "INVALID_ARGUMENT")
        }
        try await serving(FullDriver(), without: [.volumeCloning]) { client in
            while try await client.unary(CSIv1.Identity.probe, .init()).ready?.value != true {}
            var clone = create("clone")
            clone.volumeContentSource = .init(type: .volume(.init(volumeID: "v")))
            let answer = await code { _ = try await client.unary(CSIv1.Controller.createVolume, clone) }
            #expect(answer == "INVALID_ARGUMENT")
        }
    }
}

extension CSIv1.ControllerGetCapabilitiesResponse {
    fileprivate var names: [String] {
        capabilities.map { capability in
            guard case .rpc(let rpc) = capability.type else { return "?" }
            return rpc.type.name ?? "?"
        }
    }
}
