import CSICore
import CSIProgram
import CSITestKit
import FakeDigitalOcean
import Foundation
import Testing

@testable import DigitalOcean

@Suite("The API over HTTP")
struct HTTPTests {
    private static func serve(
        token: String = "dop_v1_secret", _ body: (FakeCloud, APISession, FakeServer) async throws -> Void
    ) async throws {
        let cloud = FakeCloud(machines: HostMachines([:]))
        let server = try await FakeServer(cloud)
        let transport = HTTPTransport(base: server.address, token: SecretSource(token))
        let session = APISession(transport, RealClock(), RetryPolicy(firstPause: .milliseconds(10)))
        do {
            try await body(cloud, session, server)
        } catch {
            await server.stop()
            throw error
        }
        await server.stop()
    }

    private static func volume(_ name: String) -> APINewVolume {
        APINewVolume(name: name, description: "", region: "nyc1", sizeGigabytes: 1)
    }

    @Test("a volume's life")
    func life() async throws {
        try await Self.serve { cloud, session, _ in
            guard case .done(let made) = try await session.post(APIVolume.self, "/v2/volumes", Self.volume("a"))
            else {
                Issue.record("not made")
                return
            }
            let id = try VolumeID(made.id)
            #expect(try await session.volume(id)?.name == "a")
            #expect(try await session.volumes(in: "nyc1", named: "a").first?.id == made.id)
            #expect(try await session.remove("/v2/volumes/\(id)") == nil)
            #expect(try await session.volume(id) == nil)
        }
    }

    @Test("answers that break off, and those that ask to wait")
    func badDays() async throws {
        try await Self.serve { cloud, session, _ in
            cloud.loseAnswers(to: "POST /v2/volumes")
            guard case .lost = try await session.post(APIVolume.self, "/v2/volumes", Self.volume("a")) else {
                Issue.record("it was answered")
                return
            }
            #expect(cloud.volumes.count == 1)
            cloud.breakConnection(at: "GET")
            cloud.answer("GET", with: 503)
            cloud.answer("GET", with: 429, retryAfter: 1)
            let began = ContinuousClock.now
            #expect(try await session.volumes(in: "nyc1").count == 1)
            #expect(began.duration(to: .now) >= .seconds(1))
            #expect(cloud.requests.count { $0.hasPrefix("GET") } == 4)
        }
    }

    @Test("a wrong token is said to be wrong, and is nowhere to be read")
    func token() async throws {
        try await Self.serve(token: "dop_v1_wrong") { _, session, _ in
            let error = await #expect(throws: CSIError.self) { try await session.volumes(in: "nyc1") }
            #expect(error?.code == .unauthenticated)
            #expect(error?.message.contains("dop_v1") == false)
        }
        #expect("\(SecretSource("dop_v1_wrong"))".contains("dop_v1") == false)
        let failure = await #expect(throws: ConnectionFailure.self) {
            try await HTTPTransport(base: "http://127.0.0.1:1", token: SecretSource("dop_v1_wrong")).send(
                APIRequest(method: "GET", path: "/v2/volumes"), within: .seconds(2))
        }
        #expect(failure?.detail.contains("dop_v1") == false)
    }

    @Test("a server whose certificate nobody vouches for is not talked to")
    func certificate() async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "do-csi-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: false)
        defer { try? FileManager.default.removeItem(at: folder) }
        let (key, certificate) = (folder.appending(path: "key").path(), folder.appending(path: "cert").path())
        try Self.run(
            "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", certificate, "-days",
            "1", "-subj", "/CN=localhost"
        ).waitUntilExit()
        var detail = ""
        // A port may be taken already.
        for _ in 0..<5 {
            let port = Int.random(in: 20_000..<30_000)
            let server = try Self.run(
                "openssl", "s_server", "-www", "-key", key, "-cert", certificate, "-port", "\(port)")
            defer {
                kill(server.processIdentifier, SIGKILL)
                server.waitUntilExit()
            }
            let transport = HTTPTransport(base: "https://localhost:\(port)", token: SecretSource("dop_v1_secret"))
            for _ in 0..<400 where server.isRunning {
                let failure = await #expect(throws: ConnectionFailure.self) {
                    try await transport.send(APIRequest(method: "GET", path: "/"), within: .seconds(30))
                }
                detail = failure?.detail ?? ""
                if detail.contains("CERTIFICATE_VERIFY_FAILED") { return }
                try await Task.sleep(for: .milliseconds(50))
            }
        }
        Issue.record("\(detail)")
    }

    private static func run(_ words: String...) throws -> Process {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = words
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
        return process
    }

    @Test("a droplet asks its metadata service who it is")
    func metadata() async throws {
        try await Self.serve { _, _, server in
            let transport = HTTPTransport(base: server.metadata(of: 2), token: nil)
            for (key, value) in [("id", "2"), ("region", "nyc1")] {
                let answer = try await transport.send(
                    APIRequest(method: "GET", path: "/metadata/v1/\(key)"), within: .seconds(5))
                #expect(String(decoding: answer.body, as: UTF8.self) == value)
            }
        }
    }

    @Test("the program tells all that is wrong with its settings")
    func settings() async {
        let run = { (role: Role, words: [String], environment: [String: String]) in
            await digitalOceanProgram.run(role, arguments: words, environment: environment)
        }
        let common = ["--endpoint", "unix:///tmp/never.sock", "--region", "nyc1"]
        #expect(await run(.controller, ["--help"], [:]) == 0)
        #expect(await run(.controller, common, [:]) == 64)
        #expect(await run(.controller, common + ["--access-token-file", "/nowhere"], [:]) == 64)
        #expect(await run(.controller, common + ["--api-url", "ftp://x"], ["DIGITALOCEAN_ACCESS_TOKEN": "x"]) == 64)
        #expect(await run(.node, common + ["--droplet-volume-limit", "none", "--droplet-id", "1"], [:]) == 64)
        #expect(await run(.node, common + ["--metadata-url", "http://127.0.0.1:1"], [:]) == 64)
    }
}
