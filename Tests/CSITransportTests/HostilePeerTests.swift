import CSIProto
import Glibc
import Testing

@testable import CSITransport

/// Every kind of attack that servers are known to suffer from, beside a client that must not notice.
@Suite("Hostile peers", .serialized, .timeLimit(.minutes(5)))
struct HostilePeerTests {
    // MARK: Floods of frames

    @Test func rapidReset() async throws {
        let journal = Journal()
        try await withstand(testRouter(journal)) { endpoint in
            for _ in 0..<5 {
                let client = try RawClient(endpoint)
                var stream: Int32 = 1
                var isOpen = true
                while isOpen && stream < 20_000 {
                    var burst: [UInt8] = []
                    for _ in 0..<50 {
                        burst += RawClient.frame(1, 4, stream, RawClient.block(RawClient.callFields("Hang")))
                        burst += RawClient.frame(0, 1, stream, RawClient.value(""))
                        burst += RawClient.frame(3, 0, stream, [0, 0, 0, 8])
                        stream += 2
                    }
                    isOpen = client.send(burst)
                }
                #expect(client.isClosed())
                #expect(client.goAwayCode != nil)
            }
        }
        // Every handler that was started has been cancelled.
        #expect(await journal.wait(for: "cancelled", count: journal.count("hang")))
    }

    @Test func resetsProvokedFromTheServer() async throws {
        try await withstand { endpoint in
            let client = try RawClient(endpoint)
            var stream: Int32 = 1
            var isOpen = true
            while isOpen && stream < 20_000 {
                var burst: [UInt8] = []
                for _ in 0..<50 {
                    burst += RawClient.frame(1, 4, stream, RawClient.block(RawClient.callFields("Hang")))
                    // A window that overflows is an error of the stream: the server has to reset it.
                    burst += RawClient.frame(8, 0, stream, [127, 255, 255, 255])
                    stream += 2
                }
                isOpen = client.send(burst)
            }
            #expect(client.isClosed())
            #expect(client.goAwayCode == 11)
        }
    }

    @Test(arguments: [
        ("SETTINGS", RawClient.frame(4)), ("PING", RawClient.frame(6, 0, 0, [1, 2, 3, 4, 5, 6, 7, 8])),
        ("empty DATA", RawClient.frame(0, 0, 1)), ("PRIORITY", RawClient.frame(2, 0, 1, [0, 0, 0, 0, 1])),
        ("first unknown type", RawClient.frame(10, 0, 0, [1])), ("last unknown type", RawClient.frame(255, 0, 1)),
    ])
    func floodOfIdleFrames(_ name: String, _ frame: [UInt8]) async throws {
        try await withstand { endpoint in
            let client = try RawClient(endpoint)
            client.headers(1, RawClient.callFields("Echo"))
            var burst: [UInt8] = []
            for _ in 0..<1_000 { burst += frame }
            var isOpen = true
            for _ in 0..<200 where isOpen { isOpen = client.send(burst) }
            #expect(client.isClosed())
            #expect([1, 11, nil].contains(client.goAwayCode))
        }
    }

    /// RFC 9113, 5.5: types that nobody knows yet are no error.
    @Test func aFewFramesOfUnknownTypesAreIgnored() async throws {
        try await withTestServer { endpoint in
            let client = try RawClient(endpoint)
            for type in UInt8(10)...255 {
                client.send(RawClient.frame(type, 0xFF, Int32(type % 3), [UInt8](repeating: 7, count: Int(type))))
            }
            client.call(1, "Echo", "still here")
            #expect(client.answer(1).body == RawClient.value("still here"))
        }
    }

    /// Frames that may come in any number, because they do work and cost nothing but the reading of them.
    @Test func floodOfWindowUpdates() async throws {
        try await withstand { endpoint in
            let client = try RawClient(endpoint)
            var burst: [UInt8] = []
            for _ in 0..<1_000 { burst += RawClient.frame(8, 0, 0, [0, 0, 0, 1]) }
            for _ in 0..<300 { client.send(burst) }
            client.call(1, "Probe")
            #expect(client.answer(1).status == 0)
        }
    }

    @Test func manySettingsInOneFrame() async throws {
        try await withstand { endpoint in
            let client = try RawClient(endpoint)
            let entry: [UInt8] = [0, 4, 0, 0, 255, 255]
            client.send(RawClient.frame(4, 0, 0, (0..<1_000).flatMap { _ in entry }))
            #expect(client.isClosed())
        }
    }

    @Test func pingsThatAreNeverRead() async throws {
        try await withstand { endpoint in
            let client = try RawClient(endpoint)
            var isOpen = true
            let burst = (0..<1_000).flatMap { _ in RawClient.frame(6, 0, 0, [1, 2, 3, 4, 5, 6, 7, 8]) }
            for _ in 0..<1_000 where isOpen { isOpen = client.send(burst) }
            #expect(!isOpen)
        }
    }

    // MARK: Headers

    @Test func endlessContinuation() async throws {
        try await withstand { endpoint in
            let client = try RawClient(endpoint)
            client.send(RawClient.frame(1, 0, 1, RawClient.block(RawClient.callFields("Probe"))))
            var isOpen = true
            for _ in 0..<10_000 where isOpen {
                isOpen = client.send(RawClient.frame(9, 0, 1, RawClient.block([("a", "b")])))
            }
            #expect(client.isClosed())
        }
    }

    @Test func headerBomb() async throws {
        try await withstand { endpoint in
            for _ in 0..<20 {
                let client = try RawClient(endpoint)
                // One entry of 4,000 bytes in the table, then named 12,000 times by one byte each.
                let value = String(repeating: "v", count: 4_000)
                var entry = RawClient.block([("bomb", value)])
                entry[0] = 0x40
                let block =
                    RawClient.block(RawClient.callFields("Probe")) + entry + [UInt8](repeating: 0xBE, count: 12_000)
                client.send(RawClient.frame(1, 4, 1, Array(block.prefix(16_384))))
                #expect(client.isClosed())
            }
        }
    }

    @Test func manyEmptyHeaders() async throws {
        try await withstand { endpoint in
            let client = try RawClient(endpoint)
            let block = RawClient.block(RawClient.callFields("Probe") + (0..<1_500).map { _ in ("a", "") })
            client.send(RawClient.frame(1, 4, 1, block))
            client.data(1, RawClient.value(""))
            #expect(client.answer(1).headers[":status"] == "431")
        }
    }

    @Test func slowHeaders() async throws {
        var configuration = RPCServerConfiguration.forTests
        configuration.limits.headersTimeout = .seconds(2)
        configuration.limits.bodyTimeout = .seconds(2)
        try await withstand(testRouter(), configuration) { endpoint in
            let client = try RawClient(endpoint)
            client.send(RawClient.frame(1, 0, 1, RawClient.block([(":method", "POST")])))
            #expect(client.isClosed())
        }
    }

    // MARK: Bodies

    @Test func slowBody() async throws {
        var configuration = RPCServerConfiguration.forTests
        configuration.limits.bodyTimeout = .seconds(2)
        try await withstand(testRouter(), configuration) { endpoint in
            let client = try RawClient(endpoint)
            client.headers(1, RawClient.callFields("Echo"))
            client.data(1, [0, 0, 0], ends: false)
            let answer = client.answer(1)
            #expect(answer.status == RPCCode.cancelled.rawValue)
        }
    }

    @Test func halfOpenStreams() async throws {
        var configuration = RPCServerConfiguration.forTests
        configuration.limits.bodyTimeout = .seconds(2)
        try await withstand(testRouter(), configuration) { endpoint in
            for _ in 0..<20 {
                let client = try RawClient(endpoint)
                for index in 0..<1_000 { client.headers(Int32(index) * 2 + 1, RawClient.callFields("Echo")) }
                client.close()
            }
        }
    }

    @Test func declaredLengthReservesNothing() async throws {
        try await withstand { endpoint in
            var clients: [RawClient] = []
            for _ in 0..<20 {
                let client = try RawClient(endpoint)
                for index in 0..<100 {
                    client.headers(Int32(index) * 2 + 1, RawClient.callFields("Echo"))
                    client.data(Int32(index) * 2 + 1, [0, 0, 63, 255, 255], ends: false)
                }
                clients.append(client)
            }
            try await Task.sleep(for: .milliseconds(200))
        }
    }

    @Test func incompleteRequestsAreBounded() async throws {
        var configuration = RPCServerConfiguration.forTests
        configuration.limits.requestBytes = 16 * 1024 * 1024
        try await withstand(testRouter(), configuration, growth: 96 * 1024 * 1024) { endpoint in
            let clients = try (0..<8).map { _ in try RawClient(endpoint) }
            let part = [UInt8](repeating: 7, count: 16_000)
            for client in clients {
                _ = fcntl(client.descriptor, F_SETFL, O_NONBLOCK)
                for index in 0..<100 {
                    client.headers(Int32(index) * 2 + 1, RawClient.callFields("Echo"))
                    client.data(Int32(index) * 2 + 1, [0, 0, 63, 255, 255], ends: false)
                    // Windows are ignored: what the server did not allow ends the connection.
                    for _ in 0..<4 { client.data(Int32(index) * 2 + 1, part, ends: false) }
                }
            }
            try await Task.sleep(for: .milliseconds(300))
        }
    }

    // MARK: Answers

    @Test(arguments: [0, 1, 4_096])
    func answersThatAreNotWanted(_ window: Int) async throws {
        // The server has seen how large these answers are.
        let router = testRouter()
        try await withstand(router, growth: 64 * 1024 * 1024) { endpoint in
            let first = try RawClient(endpoint)
            first.call(1, "Large", "203000")
            _ = first.answer(1, within: 300)
            var clients: [RawClient] = []
            for _ in 0..<10 {
                let client = try RawClient(endpoint, preface: false)
                let value = RawClient.number(UInt32(window))
                client.send(RawClient.preface + RawClient.frame(4, 0, 0, [0, 4] + value))
                for index in 0..<100 { client.call(Int32(index) * 2 + 1, "Large", "203000") }
                clients.append(client)
            }
            try await Task.sleep(for: .milliseconds(500))
        }
    }

    @Test func answersThatAreNeverReadAreGivenUp() async throws {
        var configuration = RPCServerConfiguration.forTests
        configuration.limits.answerTimeout = .seconds(2)
        try await withstand(testRouter(), configuration) { endpoint in
            let client = try RawClient(endpoint, preface: false)
            client.send(RawClient.preface + RawClient.frame(4, 0, 0, [0, 4, 0, 0, 0, 0]))
            client.call(1, "Large", "100000")
            #expect(client.answer(1).resetCode == 8)
        }
    }

    // MARK: Connections

    @Test func idleConnections() async throws {
        var configuration = RPCServerConfiguration.forTests
        configuration.limits.connections = 100
        try await withstand(testRouter(), configuration) { endpoint in
            var clients: [RawClient] = []
            for _ in 0..<500 { clients.append(try RawClient(endpoint)) }
            // A newcomer still gets in: the idle ones make room.
            let client = try RawClient(endpoint)
            client.call(1, "Probe")
            #expect(client.answer(1).status == 0)
        }
    }

    @Test func silentConnectionsAreClosed() async throws {
        var configuration = RPCServerConfiguration.forTests
        configuration.limits.prefaceTimeout = .seconds(2)
        try await withstand(testRouter(), configuration) { endpoint in
            let silent = try RawClient(endpoint, preface: false)
            let half = try RawClient(endpoint, preface: false)
            half.send(Array(RawClient.preface.prefix(10)))
            let withoutSettings = try RawClient(endpoint, preface: false)
            withoutSettings.send(RawClient.preface)
            #expect(silent.isClosed())
            #expect(half.isClosed())
            #expect(withoutSettings.isClosed())
        }
    }

    @Test func churn() async throws {
        let before = openDescriptors()
        try await withstand { endpoint in
            for round in 0..<1_000 {
                let client = try RawClient(endpoint, preface: round % 2 == 0)
                if round % 4 == 0 { client.call(1, "Hang") }
                if round % 10 == 0 { client.call(3, "Large", "300000") }
                client.close()
            }
        }
        // Other tests open descriptors too; a leak would be a thousand.
        let areBack = await eventually { openDescriptors() - before < 200 }
        #expect(areBack)
    }

    @Test func killedInTheMiddleOfCalls() async throws {
        let journal = Journal()
        try await withstand(testRouter(journal)) { endpoint in
            for _ in 0..<30 {
                let client = try RawClient(endpoint)
                for index in 0..<50 { client.call(Int32(index) * 2 + 1, index % 2 == 0 ? "Hang" : "Large", "200000") }
                client.close()
            }
        }
        #expect(await journal.wait(for: "cancelled", count: journal.count("hang")))
    }

    @Test func randomFrames() async throws {
        try await withstand { endpoint in
            var random = SplitMix(state: 42)
            for round in 0..<300 {
                let client = try RawClient(endpoint, preface: round % 10 != 0)
                var bytes: [UInt8] = []
                for _ in 0..<Int.random(in: 1...20, using: &random) {
                    let payload = (0..<Int.random(in: 0...64, using: &random)).map { _ in
                        UInt8.random(in: 0...255, using: &random)
                    }
                    bytes += RawClient.frame(
                        UInt8.random(in: 0...12, using: &random), UInt8.random(in: 0...255, using: &random),
                        Int32.random(in: 0...8, using: &random), payload)
                }
                client.send(bytes)
            }
        }
    }

    @Test func mutatedCalls() async throws {
        try await withstand { endpoint in
            var random = SplitMix(state: 7)
            for _ in 0..<500 {
                let client = try RawClient(endpoint)
                var bytes =
                    RawClient.frame(1, 4, 1, RawClient.block(RawClient.callFields("Echo", [("grpc-timeout", "1S")])))
                    + RawClient.frame(0, 1, 1, RawClient.value("some text"))
                for _ in 0..<Int.random(in: 1...4, using: &random) {
                    bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
                }
                client.send(bytes)
            }
        }
    }

    /// A generator that gives the same numbers in every run.
    private struct SplitMix: RandomNumberGenerator {
        var state: UInt64

        mutating func next() -> UInt64 {
            state &+= 0x9E37_79B9_7F4A_7C15
            var mixed = state
            mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
            mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
            return mixed ^ (mixed >> 31)
        }
    }
}
