import CSIMetrics
import CSIProto
import CSITransport
import CoreMetrics
import Glibc
import InMemoryTracing
import Instrumentation
import Logging
import Synchronization
import Testing
import Tracing

@testable import CSICore

extension Call: ExpressibleByStringLiteral {
    /// A call of this method, for tests of what is below the pipeline.
    public init(stringLiteral method: String) {
        self.init(
            method: method, path: "/csi.v1.Test/\(method)", id: RequestID(prefix: "test-", number: 1), trace: nil,
            startedAt: .now)
    }
}

/// A driver whose calls wait at a gate, and that logs and traces as authors do.
private final class GatedDriver: MemoryDriver, VolumeListing, @unchecked Sendable {
    let gate = Gate()

    override func delete(_ request: DeleteVolume) async throws(CSIError) {
        Logger.current.notice("removing")
        withSpan("remove files") { _ in }
        await gate.wait()
    }

    func list(_ request: ListVolumes) async throws(CSIError) -> VolumePage {
        await gate.wait()
        return VolumePage(entries: details(), next: nil)
    }
}

/// A driver with figures of its own, whose deletions block their threads until they are let go.
private final class FigureDriver: MemoryDriver, MetricsReporting, @unchecked Sendable {
    static let rooms = MetricDescription("rooms", labels: ["floor"], help: "How many rooms there are.")
    static let metrics = [rooms]

    /// Nil for that there are none.
    let values = Mutex<[DriverFigure]?>([])
    let hanging = Atomic(0)
    private let isOpen = Atomic(false)

    func open() { isOpen.store(true, ordering: .relaxed) }

    override func delete(_ request: DeleteVolume) async throws(CSIError) { hang() }

    func figures() async throws(CSIError) -> [DriverFigure] {
        guard let values = values.withLock({ $0 }) else { throw .unavailable("nobody counts") }
        if values.first?.value == 7, hanging.load(ordering: .relaxed) > 0 { hang() }
        return values
    }

    private func hang() {
        hanging.add(1, ordering: .relaxed)
        while !isOpen.load(ordering: .relaxed) { usleep(1000) }
    }
}

@Suite("What is seen of calls", .timeLimit(.minutes(5)))
struct ObservabilityTests {
    private static let trace = "0af7651916cd43dd8448eb211c80319c"

    private let capture = LogCapture()
    private let metrics = PrometheusMetrics(configuration: .init(buckets: [600]))

    /// Serves a driver while `body` runs, with metrics and spans going where the caller's task says.
    private func serving(
        _ driver: any CSIDriver, _ body: (CSIServer, RPCClient) async throws -> Void
    ) async throws {
        var template = Array("/tmp/swift-csi-test.XXXXXX".utf8CString)
        let directory = try #require(mkdtemp(&template).map { String(cString: $0) })
        defer { rmdir(directory) }
        let endpoint = try Endpoint(parsing: "unix://\(directory)/csi.sock")
        let server = CSIServer(
            driver, role: .all, configuration: .init(endpoint: endpoint), logger: capture.logger())
        let running = Task { try await server.run() }
        let client = try await RPCClient.connect(to: endpoint, timeout: .seconds(60))
        while try await client.unary(CSIv1.Identity.probe, .init()).ready?.value != true {
            try await Task.sleep(for: .milliseconds(1))
        }
        do {
            try await body(server, client)
        } catch {
            Issue.record(error)
        }
        client.close()
        server.beginGracefulShutdown()
        try await running.value
    }

    private func samples(_ prefix: String) -> [String] {
        metrics.render().split(separator: "\n").map(String.init).filter { $0.hasPrefix(prefix) }
    }

    private func until(_ condition: () -> Bool) async throws {
        while !condition() { try await Task.sleep(for: .milliseconds(1)) }
    }

    @Test("Every call is counted by method and code, refusals too, and what peers make up under one name")
    func operations() async throws {
        try await withMetricsFactory(metrics) {
            try await serving(MemoryDriver()) { _, client in
                _ = try await client.unary(CSIv1.Controller.deleteVolume, .init(volumeID: "v"))
                _ = try await client.unary(CSIv1.Controller.deleteVolume, .init(volumeID: "v"))
                _ = try? await client.unary(CSIv1.Controller.deleteVolume, .init())
                _ = try? await client.unary(CSIv1.Controller.createSnapshot, .init())
                for name in ["A", "B"] {
                    let made = RPCMethod<CSIv1.ProbeRequest, CSIv1.ProbeResponse>(service: "made.Up", name: name)
                    _ = try? await client.unary(made, .init())
                }
            }
        }
        let name = "csi_plugin_operations_seconds_count{driver_name=\"memory.example.com\""
        #expect(
            samples(name).filter { !$0.contains("/Probe") }
                == [
                    "\(name),grpc_status_code=\"Unimplemented\",method_name=\"/csi.v1.Controller/CreateSnapshot\"} 1",
                    "\(name),grpc_status_code=\"InvalidArgument\",method_name=\"/csi.v1.Controller/DeleteVolume\"} 1",
                    "\(name),grpc_status_code=\"OK\",method_name=\"/csi.v1.Controller/DeleteVolume\"} 2",
                    "\(name),grpc_status_code=\"Unimplemented\",method_name=\"unknown\"} 2",
                ].sorted())
    }

    @Test("What runs is counted and aged, with keys or without, also after its caller has given up")
    func inFlight() async throws {
        try await withMetricsFactory(metrics) {
            let driver = try GatedDriver()
            try await serving(driver) { server, client in
                metrics.beforeRendering { server.refreshMetrics() }
                #expect(samples("csi_plugin_oldest") == ["csi_plugin_oldest_operation_seconds 0"])
                #expect(samples("csi_plugin_operations_in_flight") == [])
                async let listing = client.unary(CSIv1.Controller.listVolumes, .init())
                let impatient = await #expect(throws: RPCError.self) {
                    try await client.unary(
                        CSIv1.Controller.deleteVolume, .init(volumeID: "v"), timeout: .milliseconds(50))
                }
                #expect(impatient?.code == .deadlineExceeded)
                try await until {
                    Set(server.pipeline.running.map(\.method)).isSuperset(of: ["ListVolumes", "DeleteVolume"])
                }
                #expect(
                    samples("csi_plugin_operations_in_flight") == [
                        "csi_plugin_operations_in_flight{method_name=\"/csi.v1.Controller/DeleteVolume\"} 1",
                        "csi_plugin_operations_in_flight{method_name=\"/csi.v1.Controller/ListVolumes\"} 1",
                    ])
                #expect(samples("csi_plugin_oldest") != ["csi_plugin_oldest_operation_seconds 0"])
                // The client's own deadline may reset the call before the server's has passed; either may come later to the
                // server than to the caller.
                let late = ["DeadlineExceeded", "Canceled"].map {
                    "grpc_status_code=\"\($0)\",method_name=\"/csi.v1.Controller/DeleteVolume\"} 1"
                }
                try await until {
                    samples("csi_plugin_operations_seconds_count")
                        .count { sample in late.contains { sample.contains($0) } } == 1
                }
                driver.gate.open()
                _ = try await listing
                try await until { server.pipeline.running.isEmpty }
                #expect(
                    samples("csi_plugin_operations_in_flight") == [
                        "csi_plugin_operations_in_flight{method_name=\"/csi.v1.Controller/DeleteVolume\"} 0",
                        "csi_plugin_operations_in_flight{method_name=\"/csi.v1.Controller/ListVolumes\"} 0",
                    ])
                #expect(samples("csi_plugin_oldest") == ["csi_plugin_oldest_operation_seconds 0"])
            }
        }
    }

    @Test("Every metric of the server has a description of its kind and labels")
    func described() async throws {
        let driver = try FigureDriver()
        driver.values.withLock { $0 = [.init(FigureDriver.rooms, ["a"], 1)] }
        try await withMetricsFactory(metrics) {
            try await serving(driver) { server, client in
                try await until {
                    server.refreshMetrics()
                    return !samples("rooms").isEmpty
                }
            }
        }
        let known = CSIServer.metrics(of: driver)
        #expect(Set(known.map(\.name)).count == known.count)
        let types = samples("# TYPE ").map { $0.split(separator: " ").map(String.init) }
        #expect(types.count >= 7)
        for type in types {
            let description = try #require(known.first { $0.name == type[2] }, "\(type)")
            #expect(description.kind.rawValue == type[3])
            let suffix = description.kind == .histogram ? "_count" : ""
            let sample = samples(description.name + suffix).first { !$0.hasPrefix("#") }
            for label in description.labels { #expect(sample?.contains("\(label)=\"") == true, "\(type) \(label)") }
        }
        #expect(samples("csi_plugin_ready") == ["csi_plugin_ready 1"])
    }

    @Test("A driver's own figures are shown as they were taken last, and gone ones no more")
    func figures() async throws {
        let driver = try FigureDriver()
        let figures = try #require(DriverFigures(of: driver, logger: capture.logger(), factory: metrics))
        driver.values.withLock { $0 = [.init(FigureDriver.rooms, ["a"], 1), .init(FigureDriver.rooms, ["b"], 2)] }
        await figures.take()
        #expect(samples("rooms") == ["rooms{floor=\"a\"} 1", "rooms{floor=\"b\"} 2"])
        driver.values.withLock { $0 = [.init(FigureDriver.rooms, ["b"], 0.5)] }
        await figures.take()
        #expect(samples("rooms") == ["rooms{floor=\"b\"} 0.5"])
        // Twice: it is said once.
        driver.values.withLock { $0 = nil }
        await figures.take()
        await figures.take()
        #expect(samples("rooms") == ["rooms{floor=\"b\"} 0.5"])
        #expect(capture.all.count { $0.contains("figures cannot be taken") } == 1)
        #expect(DriverFigures(of: try MemoryDriver(), logger: capture.logger(), factory: metrics) == nil)
    }

    @Test("A full page comes at once while as many operations hang as there are threads, and figures hang, too")
    func scrapeWhileAllHangs() async throws {
        try await withMetricsFactory(metrics) {
            let driver = try FigureDriver()
            driver.values.withLock { $0 = [.init(FigureDriver.rooms, ["a"], 7)] }
            try await serving(driver) { server, client in
                metrics.beforeRendering { server.refreshMetrics() }
                try await until { !samples("rooms").isEmpty }
                try await withThrowingTaskGroup { group in
                    for index in 0..<64 {
                        group.addTask {
                            _ = try await client.unary(CSIv1.Controller.deleteVolume, .init(volumeID: "v\(index)"))
                        }
                    }
                    let figures = try #require(server.figures)
                    try await until { driver.hanging.load(ordering: .relaxed) >= 64 }
                    group.addTask { await withTaskExecutorPreference(figures.executor) { await figures.take() } }
                    try await until { driver.hanging.load(ordering: .relaxed) >= 65 }
                    let name = "csi_plugin_operations_in_flight{method_name=\"/csi.v1.Controller/DeleteVolume\"}"
                    let clock = ContinuousClock()
                    let took = clock.measure {
                        #expect(samples(name) == ["\(name) 64"])
                        #expect(samples("rooms") == ["rooms{floor=\"a\"} 7"])
                        #expect(samples("csi_plugin_stuck_operations") == ["csi_plugin_stuck_operations 0"])
                    }
                    // Three pages.
                    #expect(took < .seconds(10))
                    driver.open()
                    try await group.waitForAll()
                }
            }
        }
    }

    @Test("The operations that run are reported with their keys, waiters, age and ids")
    func dump() async throws {
        let driver = try GatedDriver()
        try await serving(driver) { server, client in
            server.dumpRunningOperations()
            #expect(capture.all.contains { $0.contains("operations running") && $0.contains("count=0") })
            let metadata: Metadata = ["traceparent": .text("00-\(Self.trace)-b7ad6b7169203331-01")]
            async let first = client.unary(
                CSIv1.Controller.deleteVolume, .init(volumeID: "v"), metadata: metadata)
            try await until { server.pipeline.running.count == 1 }
            async let joined = client.unary(CSIv1.Controller.deleteVolume, .init(volumeID: "v"))
            try await until { server.pipeline.running.first?.waiters == 2 }
            async let listing = client.unary(CSIv1.Controller.listVolumes, .init())
            try await until { server.pipeline.running.count == 2 }
            server.dumpRunningOperations()
            let lines = capture.all.filter { $0.contains("operation running") }
            try #require(lines.count == 2)
            #expect(lines[0].contains("method=DeleteVolume") && lines[0].contains("keys=volume \"v\""))
            #expect(lines[0].contains("waiters=2") && lines[0].contains("trace_id=\(Self.trace)"))
            #expect(lines[0].contains("request_id=") && lines[0].contains("age="))
            #expect(lines[1].contains("method=ListVolumes") && !lines[1].contains("keys="))
            driver.gate.open()
            _ = try await (first, joined, listing)
        }
    }

    @Test("Lines of a call and of its handler carry the same request id and the caller's trace")
    func ids() async throws {
        let driver = try GatedDriver()
        driver.gate.open()
        try await serving(driver) { _, client in
            let metadata: Metadata = ["traceparent": .text("00-\(Self.trace)-b7ad6b7169203331-01")]
            _ = try await client.unary(CSIv1.Controller.deleteVolume, .init(volumeID: "v"), metadata: metadata)
            _ = try await client.unary(
                CSIv1.Controller.deleteVolume, .init(volumeID: "w"), metadata: ["traceparent": "00-nonsense"])
        }
        func value(_ name: String, _ line: String) -> String? {
            line.split(separator: " ").first { $0.hasPrefix("\(name)=") }.map(String.init)
        }
        let calls = capture.all.filter { $0.contains("notice removing") || $0.contains("method=DeleteVolume") }
        try #require(calls.count == 4)
        #expect(calls.prefix(2).allSatisfy { value("trace_id", $0) == "trace_id=\(Self.trace)" })
        #expect(calls.suffix(2).allSatisfy { value("trace_id", $0) == nil })
        #expect(Set(calls.compactMap { value("request_id", $0) }).count == 2)
        #expect(value("request_id", calls[0]) == value("request_id", calls[1]))
    }

    @Test("What callers ask all the time is only traced; one line for everything else")
    func noise() async throws {
        try await serving(MemoryDriver()) { _, client in
            _ = try await client.unary(CSIv1.Identity.getPluginCapabilities, .init())
            _ = try await client.unary(CSIv1.Controller.controllerGetCapabilities, .init())
            _ = try await client.unary(CSIv1.Identity.getPluginInfo, .init())
            _ = try await client.unary(CSIv1.Controller.deleteVolume, .init(volumeID: "v"))
        }
        let lines = capture.all.filter { $0.contains(" call ") && $0.contains("code=OK") }
        let routine = ["method=Probe", "method=GetPluginCapabilities", "method=ControllerGetCapabilities"]
        for line in lines {
            #expect(line.hasPrefix("trace") == routine.contains { line.contains("\($0) ") })
        }
        #expect(lines.filter { $0.hasPrefix("info") }.count == 2)
    }

    @Test("A span around each call is a child of the caller's and the parent of the handler's")
    func spans() async throws {
        let tracer = InMemoryTracer()
        try await withTracer(tracer) {
            let driver = try GatedDriver()
            driver.gate.open()
            try await serving(driver) { _, client in
                let metadata: Metadata = [
                    "in-memory-trace-id": "trace-of-caller", "in-memory-span-id": "span-of-caller",
                ]
                _ = try await client.unary(CSIv1.Controller.deleteVolume, .init(volumeID: "v"), metadata: metadata)
                _ = try? await client.unary(CSIv1.Controller.deleteVolume, .init())
            }
        }
        let spans = tracer.finishedSpans.filter { $0.operationName == "csi.v1.Controller/DeleteVolume" }
        try #require(spans.count == 2)
        #expect(spans[0].kind == .server)
        #expect(spans[0].spanContext.traceID == "trace-of-caller")
        #expect(spans[0].spanContext.parentSpanID == "span-of-caller")
        let attributes = spans[0].attributes
        #expect(attributes.get("rpc.system") == .string("grpc"))
        #expect(attributes.get("rpc.service") == .string("csi.v1.Controller"))
        #expect(attributes.get("rpc.method") == .string("DeleteVolume"))
        #expect(attributes.get("rpc.grpc.status_code") == .int64(0))
        #expect(attributes.get("csi.volume_id") == .string("v"))
        #expect(spans[1].attributes.get("rpc.grpc.status_code") == .int64(3))
        #expect(spans[1].status?.code == .error)
    }

    @Test("What is answered without a task has a span, too, whose context the answer is made in")
    func spansOfImmediateAnswers() async throws {
        let tracer = InMemoryTracer()
        try await withTracer(tracer) {
            try await serving(MemoryDriver()) { _, client in
                let metadata: Metadata = ["in-memory-trace-id": "trace", "in-memory-span-id": "caller"]
                _ = try await client.unary(CSIv1.Identity.getPluginInfo, .init(), metadata: metadata)
            }
            let seen = try #require(CallTracing()).span("M", RPCContext(method: "/s/M")) { () throws(CSIError) in
                ServiceContext.current != nil
            }
            #expect(seen)
        }
        let span = try #require(tracer.finishedSpans.first { $0.operationName == "csi.v1.Identity/GetPluginInfo" })
        #expect(span.spanContext.traceID == "trace")
        #expect(span.spanContext.parentSpanID == "caller")
        #expect(span.attributes.get("rpc.grpc.status_code") == .int64(0))
    }

    @Test("Without metrics and tracing nothing is prepared")
    func disabled() {
        #expect(CallMetrics(driverName: "d", factory: NOOPMetricsHandler.instance) == nil)
        #expect(CallTracing() == nil)
    }

    @Test(
        "Codes are labelled as the sidecars label them",
        arguments: [
            (0, "OK"), (1, "Canceled"), (3, "InvalidArgument"), (4, "DeadlineExceeded"), (10, "Aborted"),
            (12, "Unimplemented"), (13, "Internal"), (16, "Unauthenticated"), (17, "Unknown"), (-1, "Unknown"),
        ])
    func codes(number: Int, name: String) {
        #expect(RPCCode(rawValue: number).metricName == name)
    }
}
