import CSICore
import CSITestKit
import CSITransport
import FakeDigitalOcean
import Testing

@testable import DigitalOcean

@Suite("The client of the API")
struct ClientTests {
    private struct Nothing: Codable, Sendable {}

    private static func session(_ transport: any APITransport, _ host: FakeHost) -> APISession {
        host.manualClock.isAutomatic = true
        return APISession(transport, host.clock, RetryPolicy(random: { 0.5 }))
    }

    @Test(
        "repeats what can be repeated",
        arguments: [
            ([.answer(200)], 1, .zero),
            ([.answer(503), .answer(502), .answer(200)], 3, .milliseconds(112.5 + 225)),
            ([.broken, .answer(200)], 2, .milliseconds(112.5)),
            ([.answer(429, retryAfter: .seconds(7)), .answer(200)], 2, .milliseconds(7007.5)),
            ([.answer(429), .answer(200)], 2, .milliseconds(112.5)),
        ] as [([ScriptedTransport.Line], Int, Duration)])
    func repeats(script: [ScriptedTransport.Line], attempts: Int, pause: Duration) async throws {
        let transport = ScriptedTransport(script)
        let host = FakeHost()
        let began = host.manualClock.now
        let session = Self.session(transport, host)
        #expect(try await session.find(Nothing.self, "/v2/volumes/1") != nil)
        #expect(transport.sent == attempts)
        #expect(host.manualClock.now - began == pause)
    }

    @Test(
        "never repeats a POST that may have been carried out",
        arguments: [[.broken, .answer(201)], [.answer(500), .answer(201)]] as [[ScriptedTransport.Line]])
    func posts(script: [ScriptedTransport.Line]) async throws {
        let transport = ScriptedTransport(script)
        let outcome = try await Self.session(transport, FakeHost()).post(Nothing.self, "/v2/volumes", Nothing())
        guard case .lost = outcome else {
            Issue.record("\(outcome)")
            return
        }
        #expect(transport.sent == 1)
    }

    @Test("repeats a POST that was turned away for coming too often")
    func turnedAway() async throws {
        let transport = ScriptedTransport([.answer(429, retryAfter: .seconds(1)), .answer(201)])
        let outcome = try await Self.session(transport, FakeHost()).post(Nothing.self, "/v2/volumes", Nothing())
        guard case .done = outcome else {
            Issue.record("\(outcome)")
            return
        }
        #expect(transport.sent == 2)
    }

    @Test("ends before its caller's patience does, with a code that is not final")
    func deadline() async throws {
        let host = FakeHost()
        let began = host.manualClock.now
        let error = await CallDeadline.$moment.withValue(.now + .seconds(10)) {
            let session = Self.session(ScriptedTransport([.answer(503)]), host)
            return await #expect(throws: CSIError.self) { try await session.find(Nothing.self, "/v2/volumes/1") }
        }
        #expect(error?.code == .unavailable)
        #expect(error?.message.contains("503") == true)
        let spent = host.manualClock.now - began
        #expect(spent > .seconds(3) && spent < .seconds(9), "\(spent)")
    }

    @Test("does not wait for what comes after the deadline")
    func tooLate() async throws {
        let host = FakeHost()
        let began = host.manualClock.now
        let transport = ScriptedTransport([.answer(429, retryAfter: .seconds(3600))])
        let error = await #expect(throws: CSIError.self) {
            try await Self.session(transport, host).find(Nothing.self, "/v2/volumes/1")
        }
        #expect(error?.code == .unavailable)
        #expect(host.manualClock.now == began)
        #expect(transport.sent == 1)
    }

    @Test(
        "gives refusals the code that says what to do",
        arguments: [
            (401, "Unable to authenticate you", .unauthenticated), (403, "no access", .unauthenticated),
            (422, "volume limit exceeded", .resourceExhausted), (422, "Droplet already has a pending event.", .aborted),
            (422, "something else", .failedPrecondition),
        ] as [(Int, String, RPCCode)])
    func refusals(status: Int, message: String, code: RPCCode) async throws {
        let script = ScriptedTransport([.answer(status, body: #"{"id":"x","message":"\#(message)"}"#)])
        let error = await #expect(throws: CSIError.self) {
            try await Self.session(script, FakeHost()).find(Nothing.self, "/v2/volumes/1")
        }
        #expect(error?.code == code)
        #expect(error?.message.contains(message) == true)
    }

    @Test("reads all pages")
    func pages() async throws {
        let rig = try await Rig()
        for number in 0..<450 { try await rig.create("v-\(number)") }
        rig.cloud.clearRequests()
        #expect(try await rig.driver.api().volumes(in: "nyc1").count == 450)
        #expect(rig.count("GET /v2/volumes?region") == 3)
    }

    @Test(
        "makes no path of what is no id",
        arguments: [
            "../account", "506f78a4-e098-11e5-ad9f-000000000001?x", "a/b", "", "506F78A4-E098-11E5-AD9F-000000000001",
        ])
    func paths(id: String) {
        #expect(APISession.path("volumes", id) == nil)
    }
}
