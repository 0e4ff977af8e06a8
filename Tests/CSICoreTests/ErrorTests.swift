import CSIProto
import CSITransport
import Glibc
import Testing

@testable import CSICore

@Suite("Errors")
struct ErrorTests {
    /// Every intent by its name in the source.
    private static let intents: [String: CSIError] = {
        guard let id = try? VolumeID("v") else { return [:] }
        return [
            "missing": .missing("name"), "invalid": .invalid("name", "is too long"), "notFound": .notFound(.volume(id)),
            "alreadyExists": .alreadyExists(.volume(id), differingIn: "size", existing: "1", requested: "2"),
            "pending": .pending("DeleteVolume", on: .volume(id), age: .seconds(1)),
            "pendingElsewhere": .pendingElsewhere("locked"), "badStartingToken": .badStartingToken(),
            "noSpace": .noSpace("full"),
            "notOnThisNode": .notOnThisNode("elsewhere"), "impossibleCapacity": .impossibleCapacity("too large"),
            "inUse": .inUse(.volume(id), by: "published"), "preconditionFailed": .preconditionFailed("not staged"),
            "unauthenticated": .unauthenticated("a wrong token"),
            "unavailable": .unavailable("starting"), "deadlineExceeded": .deadlineExceeded("slow"),
            "cancelled": .cancelled("gone"), "unimplemented": .unimplemented("no"), "fault": .fault("broken"),
        ]
    }()

    private static func text(_ path: String) throws -> String {
        let root = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(3).joined(separator: "/")
        let file = try #require(fopen("\(root)/\(path)", "r"), "\(root)/\(path)")
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        while case let count = fread(&buffer, 1, buffer.count, file), count > 0 { bytes += buffer[..<count] }
        return String(decoding: bytes, as: UTF8.self)
    }

    @Test("The guide lists every intent with its code, and nothing else")
    func guide() throws {
        var listed: [String: String] = [:]
        for line in try Self.text("docs/errors.md").split(separator: "\n") where line.hasPrefix("| `") {
            let cells = line.split(separator: "|").map { $0.filter { !" `".contains($0) } }
            listed[try #require(cells.first)] = cells[1]
        }
        #expect(listed == Self.intents.mapValues(\.code.name))
    }

    @Test("The guide's intents are those of the source")
    func source() throws {
        let names = try Self.text("Sources/CSICore/Errors/CSIError.swift").split(separator: "\n").compactMap { line in
            line.split(separator: "public static func ", maxSplits: 1).last
                .flatMap { line.contains("public static func ") ? String($0.prefix { $0 != "(" }) : nil }
        }
        #expect(Set(names) == Set(Self.intents.keys))
        #expect(names.count == Self.intents.count)
    }

    @Test("Every intent is one line without the text of another status")
    func lines() {
        for (name, error) in Self.intents {
            #expect(!error.message.isEmpty, "\(name)")
            #expect(!error.message.contains { $0.isNewline }, "\(name)")
            #expect(!error.message.contains("rpc error") && !error.message.contains("code ="), "\(name)")
            #expect(!error.message.contains(error.code.name), "\(name) repeats its code")
        }
    }

    @Test("An error without words says its code at least", arguments: ["noSpace", "fault"])
    func wordless(name: String) {
        let error: CSIError = name == "fault" ? .fault("") : .noSpace("")
        #expect(error.message == error.code.name)
    }

    @Test("No intent reaches a caller with metadata, where details would be, whoever serves it")
    func details() async throws {
        struct Failing: VolumeProvisioning {
            let info: PluginInfo
            let support = VolumeSupport(modes: [.singleNodeWriter])
            let error: CSIError

            func create(_ request: CreateVolume) async throws(CSIError) -> Volume { throw error }
            func delete(_ request: DeleteVolume) async throws(CSIError) { throw error }
            func volume(_ id: VolumeID) async throws(CSIError) -> Volume? { throw error }
        }
        for (name, intent) in Self.intents {
            let local = LocalDriver(Failing(info: try PluginInfo(name: "a.b", version: "1"), error: intent))
            try await local.start()
            let client = try await local.connect()
            let request = CSIv1.DeleteVolumeRequest(volumeID: "v", secrets: Secrets(["password": "hunter2"]))
            let answers = [
                await #expect(throws: RPCError.self) {
                    _ = try await local.call(CSIv1.Controller.deleteVolume, request)
                },
                await #expect(throws: RPCError.self) {
                    _ = try await client.unary(CSIv1.Controller.deleteVolume, request)
                },
            ]
            for error in answers {
                #expect(error?.code == intent.code, "\(name)")
                #expect(error?.message == intent.message, "\(name)")
                #expect(error?.metadata.binaryValues(for: "grpc-status-details-bin").isEmpty == true, "\(name)")
                #expect(error?.message.contains("hunter2") == false, "\(name)")
            }
        }
    }
}
