import CSIHost
import CSITestKit
import InMemoryTracing
import SystemPackage
import Testing
import Tracing

@testable import CSIHostTracing

@Suite("A traced host")
struct TracedHostTests {
    @Test("Each operation is a span that names it, its path and its failure")
    func spans() async throws {
        let tracer = InMemoryTracer()
        let error = try await withTracer(tracer) {
            let host = FakeHost().traced()
            return try await withSpan("rpc") { _ in
                let root = try await host.files.openDirectory("/")
                try await root.createDirectory("pool", permissions: .ownerReadWriteExecute)
                let pool = try await root.openDirectory("pool")
                try await pool.writeFileDurably("record", [1, 2])
                _ = try await pool.list("", limit: 10)
                _ = try await host.mounts.mountTable()
                return await #expect(throws: HostError.self) { try await pool.readFile("absent", limit: 1) }
            }
        }
        #expect(error?.kind == .notFound)
        let spans = tracer.finishedSpans
        let seen = spans.map { "\($0.operationName) \(text($0.attributes.get("host.path")))" }
        #expect(
            seen == [
                "host.openDirectory /", "host.createDirectory /pool", "host.openDirectory /pool",
                "host.writeFile /pool/record", "host.list /pool", "host.mountTable -", "host.readFile /pool/absent",
                "rpc -",
            ])
        let parent = spans.last?.spanContext.spanID
        #expect(spans.dropLast().allSatisfy { $0.spanContext.parentSpanID == parent })
        #expect(spans.filter { $0.status?.code == .error }.map(\.operationName) == ["host.readFile"])
        #expect(text(spans[6].attributes.get("host.error")) == "\(HostError.Kind.notFound)")
    }

    @Test("Devices are seen, and files in traced directories are attached")
    func devices() async throws {
        let tracer = InMemoryTracer()
        try await withTracer(tracer) {
            let fake = FakeHost()
            fake.addDirectory("/pool")
            let host = fake.traced()
            let pool = try await host.files.openDirectory("/pool")
            try await pool.createFile("image", size: 4096, allocation: .sparse, permissions: .ownerReadWrite)
            try await host.files.openDirectory("/pool").copyFile(
                from: "image", in: pool, to: "copy", options: CopyOptions())
            let device = try await host.loops.attach("image", in: pool, options: LoopOptions(name: "v"))
            _ = try await host.devices.read(from: device.path, at: 0, count: 1)
            try await host.loops.detach(device, within: .zero)
            #expect(host.clock.now == fake.clock.now)
        }
        let seen = tracer.finishedSpans.map { "\($0.operationName) \(text($0.attributes.get("host.path")))" }
        #expect(
            seen == [
                "host.openDirectory /pool", "host.createFile /pool/image", "host.openDirectory /pool",
                "host.copyFile /pool/image", "host.attachLoop /pool/image",
                "host.readDevice /dev/loop0", "host.detachLoop /dev/loop0",
            ])
    }

    @Test("Without a tracer the host is left as it is")
    func untraced() {
        let host = FakeHost()
        #expect(!(host.traced() is TracedHost))
    }

    private func text(_ attribute: SpanAttribute?) -> String {
        if case .string(let text)? = attribute { text } else { "-" }
    }
}
