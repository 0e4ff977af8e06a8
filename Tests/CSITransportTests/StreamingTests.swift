import CSIProto
import Testing

@testable import CSITransport

private enum Streaming {
    static let count = RPCMethod<TestMessage, TestMessage>(
        service: "test.Streams", name: "Count", responseStreaming: true)
    static let sum = RPCMethod<TestMessage, TestMessage>(service: "test.Streams", name: "Sum", requestStreaming: true)
    static let chat = RPCMethod<TestMessage, TestMessage>(
        service: "test.Streams", name: "Chat", requestStreaming: true, responseStreaming: true)

    static func router(_ journal: Journal) -> RPCRouter {
        var router = testRouter(journal)
        router.serverStreaming(count) { (request, _, writer) async throws(RPCError) in
            let size = request.value.count
            let total = Int(request.value.first ?? 0)
            do throws(RPCError) {
                for index in 0..<total * 100 {
                    try await writer.send(TestMessage(value: [UInt8](repeating: UInt8(index % 256), count: size)))
                    journal.note("sent")
                }
            } catch {
                journal.note("stopped: \(error.code)")
                throw error
            }
            if total == 13 { throw RPCError(code: .dataLoss, message: "unlucky") }
        }
        router.clientStreaming(sum) { (reader, _) async throws(RPCError) in
            var sum = 0
            while let message = try await reader.next() {
                sum += message.value.count
                if message.value.first == 0xEE { return TestMessage("enough") }
            }
            return TestMessage("\(sum)")
        }
        router.bidirectional(chat) { (reader, writer, _) async throws(RPCError) in
            while let message = try await reader.next() {
                try await writer.send(message)
            }
        }
        return router
    }
}

@Suite("Streaming calls", .timeLimit(.minutes(5)))
struct StreamingTests {
    @Test(arguments: Carrier.allCases) func serverStreams(_ carrier: Carrier) async throws {
        try await withTestClient(carrier, Streaming.router(Journal())) { client in
            let count = try await client.serverStreaming(Streaming.count, TestMessage(value: [3, 0, 0])) { reader in
                var count = 0
                for try await message in reader {
                    #expect(message.value == [UInt8](repeating: UInt8(count % 256), count: 3))
                    count += 1
                }
                return count
            }
            #expect(count == 300)
        }
    }

    @Test(arguments: Carrier.allCases) func errorFollowsTheMessages(_ carrier: Carrier) async throws {
        try await withTestClient(carrier, Streaming.router(Journal())) { client in
            try await client.serverStreaming(Streaming.count, TestMessage(value: [13])) { reader in
                var count = 0
                let error = await #expect(throws: RPCError.self) {
                    while try await reader.next() != nil { count += 1 }
                }
                #expect(count == 1_300)
                #expect(error?.code == .dataLoss)
                #expect(error?.message == "unlucky")
            }
        }
    }

    @Test(arguments: Carrier.allCases) func clientStreams(_ carrier: Carrier) async throws {
        try await withTestClient(carrier, Streaming.router(Journal())) { client in
            let answer = try await client.clientStreaming(Streaming.sum) { writer in
                for size in 0..<200 {
                    try await writer.send(TestMessage(value: [UInt8](repeating: 1, count: size * 50)))
                }
            }
            #expect(answer.text == "\((0..<200).reduce(0) { $0 + $1 * 50 })")
        }
    }

    @Test(arguments: Carrier.allCases) func handlerMayAnswerBeforeTheEnd(_ carrier: Carrier) async throws {
        try await withTestClient(carrier, Streaming.router(Journal())) { client in
            let answer = try await client.clientStreaming(Streaming.sum) { writer in
                try await writer.send(TestMessage(value: [0xEE]))
            }
            #expect(answer.text == "enough")
        }
    }

    @Test(arguments: Carrier.allCases) func bothStream(_ carrier: Carrier) async throws {
        try await withTestClient(carrier, Streaming.router(Journal())) { client in
            try await client.bidirectional(Streaming.chat) { writer, reader in
                for index in 0..<50 {
                    try await writer.send(TestMessage("message \(index)"))
                    let next1 = try await reader.next()
                    #expect(next1?.text == "message \(index)")
                }
                await writer.finish()
                let next2 = try await reader.next()
                #expect(next2 == nil)
            }
        }
    }

    @Test(arguments: Carrier.allCases) func slowReaderHoldsUpTheHandler(_ carrier: Carrier) async throws {
        let journal = Journal()
        try await withTestClient(carrier, Streaming.router(journal)) { client in
            let request = TestMessage(value: [50] + [UInt8](repeating: 0, count: 9_999))
            try await client.serverStreaming(Streaming.count, request) { reader in
                let next3 = try await reader.next()
                #expect(next3 != nil)
                try await Task.sleep(for: .milliseconds(300))
                // 5,000 messages of 10 KB are offered; windows and bounds hold about 1.3 MiB.
                #expect(journal.count("sent") < 300)
                let other = try await client.unary(TestMethods.probe, TestMessage())
                #expect(other.value == [8, 1])
            }
            // Leaving early tells the server, whose handler ends.
            #expect(await journal.wait(for: "stopped: CANCELLED"))
        }
    }

    @Test(arguments: Carrier.allCases) func slowHandlerHoldsUpTheSender(_ carrier: Carrier) async throws {
        let journal = Journal()
        var router = RPCRouter()
        router.clientStreaming(Streaming.sum) { (reader, _) async throws(RPCError) in
            _ = await journal.wait(for: "go")
            var count = 0
            while try await reader.next() != nil { count += 1 }
            return TestMessage("\(count)")
        }
        try await withTestClient(carrier, router) { client in
            let answer = try await client.clientStreaming(Streaming.sum) { writer in
                let sender = Task {
                    for _ in 0..<500 {
                        try await writer.send(TestMessage(value: [UInt8](repeating: 1, count: 10_000)))
                        journal.note("sent")
                    }
                }
                try await Task.sleep(for: .milliseconds(200))
                #expect(journal.count("sent") < 60)
                journal.note("go")
                try await sender.value
            }
            #expect(answer.text == "500")
        }
    }

    @Test(arguments: Carrier.allCases) func healthIsServedAndWatched(_ carrier: Carrier) async throws {
        let health = HealthService()
        var router = RPCRouter()
        health.add(to: &router)
        try await withTestClient(carrier, router) { client in
            let all = try await client.unary(GRPCHealthV1.Health.check, GRPCHealthV1.HealthCheckRequest())
            #expect(all.status == .serving)
            let error = await #expect(throws: RPCError.self) {
                try await client.unary(GRPCHealthV1.Health.check, GRPCHealthV1.HealthCheckRequest(service: "none"))
            }
            #expect(error?.code == .notFound)
            let request = GRPCHealthV1.HealthCheckRequest(service: "csi")
            try await client.serverStreaming(GRPCHealthV1.Health.watch, request) { reader in
                let next4 = try await reader.next()
                #expect(next4?.status == .serviceUnknown)
                health.set(.notServing, for: "csi")
                let next5 = try await reader.next()
                #expect(next5?.status == .notServing)
                health.set(.serving, for: "csi")
                let next6 = try await reader.next()
                #expect(next6?.status == .serving)
            }
        }
    }

    @Test func reflectionListsAndDescribes() async throws {
        var router = testRouter()
        HealthService().add(to: &router)
        ReflectionService(files: GRPCHealthV1.files).add(to: &router)
        try await withTestClient(.inProcess, router) { client in
            try await client.bidirectional(GRPCReflectionV1.ServerReflection.serverReflectionInfo) { writer, reader in
                try await writer.send(.init(messageRequest: .listServices("")))
                guard case .listServicesResponse(let list)? = try await reader.next()?.messageResponse else {
                    Issue.record("no list")
                    return
                }
                #expect(
                    list.service.map(\.name) == [
                        "grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection", "test.Service",
                    ])
                try await writer.send(.init(messageRequest: .fileContainingSymbol("grpc.health.v1.Health.Check")))
                guard case .fileDescriptorResponse(let files)? = try await reader.next()?.messageResponse else {
                    Issue.record("no file")
                    return
                }
                #expect(files.fileDescriptorProto.count == 1)
                try await writer.send(.init(messageRequest: .fileByFilename("none.proto")))
                guard case .errorResponse(let error)? = try await reader.next()?.messageResponse else {
                    Issue.record("no error")
                    return
                }
                #expect(error.errorCode == 5)
            }
        }
    }
}
