import CSICore
import CSIProto
import CSITestKit
import CSITransport
import FakeDigitalOcean
import Testing

@testable import DigitalOcean

@Suite("Attaching and detaching")
struct AttachTests {
    @Test("takes two calls and those that wait, and tells the node what to look for")
    func attaches() async throws {
        let rig = try await Rig()
        rig.cloud.actionTime = .seconds(3)
        let volume = try await rig.create("pvc-1", gibibytes: 2)
        rig.cloud.clearRequests()
        let context = try await rig.attach(volume.volumeID)
        #expect(context["dobs.csi.digitalocean.com/volume-name"] == "pvc-1")
        #expect(context["dobs.csi.digitalocean.com/volume-size"] == "2")
        #expect(rig.cloud.volumes.first?.droplets == [1])
        // Look, begin, ask until it is done, look.
        #expect(rig.cloud.requests.count <= 10, "\(rig.cloud.requests)")
    }

    @Test("finds what is attached here already")
    func again() async throws {
        let rig = try await Rig()
        let volume = try await rig.create("pvc-1")
        let first = try await rig.attach(volume.volumeID)
        rig.cloud.clearRequests()
        #expect(try await rig.attach(volume.volumeID) == first)
        #expect(rig.cloud.requests == ["GET /v2/volumes/\(volume.volumeID)"])
    }

    @Test(
        "says why not",
        arguments: [
            ("attached elsewhere", "1", .failedPrecondition, "droplet 2"),
            ("race", "1", .failedPrecondition, "droplet 2"),
            ("full", "1", .resourceExhausted, "droplet 1"), ("", "99", .notFound, "node \"99\""),
            ("", "somewhere", .notFound, "node \"somewhere\""), ("deleted", "1", .notFound, "volume"),
        ] as [(String, String, RPCCode, String)])
    func refusals(trouble: String, node: String, code: RPCCode, words: String) async throws {
        let rig = try await Rig(dropletLimit: 1)
        let id = try await rig.create("pvc-1").volumeID
        switch trouble {
        case "attached elsewhere": try await rig.attach(id, to: "2")
        case "race": rig.cloud.interfere(before: "POST /v2/volumes/\(id)/actions") { $0.attachByHand(id, to: 2) }
        case "full": try await rig.attach(try await rig.create("pvc-2").volumeID)
        case "deleted": rig.cloud.removeByHand(id)
        default: break
        }
        let error = await #expect(throws: RPCError.self) { try await rig.attach(id, to: node) }
        #expect(error?.code == code, "\(error?.message ?? "")")
        #expect(error?.message.contains(words) == true, "\(error?.message ?? "")")
    }

    @Test("is pending while the action is, and a repeated call finds it")
    func pending() async throws {
        let rig = try await Rig()
        rig.cloud.actionTime = .seconds(60)
        let id = try await rig.create("pvc-1").volumeID
        let request = try AttachVolume(
            validating: .init(volumeID: id, nodeID: "1", volumeCapability: Rig.capability()))
        let began = rig.host.manualClock.now
        let error = await CallDeadline.$moment.withValue(.now + .seconds(15)) {
            await #expect(throws: CSIError.self) { try await rig.driver.attach(request) }
        }
        #expect(error?.code == .aborted)
        #expect(error?.message.contains("in progress") == true)
        #expect(rig.host.manualClock.now - began < .seconds(15))
        try await rig.attach(id)
        #expect(rig.cloud.volumes.first?.droplets == [1])
        #expect(rig.cloud.actionCount == 1, "one action is enough")
    }

    @Test(
        "survives a bad day of the API",
        arguments: ["lost", "broken", "storm", "errors", "failing action", "another volume's action"])
    func badDays(trouble: String) async throws {
        let rig = try await Rig()
        let id = try await rig.create("pvc-1").volumeID
        let actions = "POST /v2/volumes/\(id)/actions"
        var wanted = 1
        switch trouble {
        case "lost": rig.cloud.loseAnswers(to: actions)
        case "broken": rig.cloud.breakConnection(at: actions, times: 3)
        case "storm": rig.cloud.answer("", with: 429, retryAfter: 2, times: 5)
        case "errors": rig.cloud.answer("", with: 503, times: 4)
        case "failing action":
            rig.cloud.failActions()
            wanted = 2
        default:
            rig.cloud.actionTime = .seconds(5)
            let other = try await rig.create("pvc-2").volumeID
            rig.cloud.beginAttaching(other, to: 1)
            wanted = 2
        }
        try await rig.attach(id)
        #expect(rig.cloud.volumes.first?.droplets == [1])
        #expect(rig.cloud.actionCount == wanted)
        rig.cloud.loseAnswers(to: actions)
        try await rig.detach(id)
        #expect(rig.cloud.volumes.first?.droplets == [])
    }

    @Test("detaches what is not there, or is no more, with success")
    func absent() async throws {
        let rig = try await Rig()
        let id = try await rig.create("pvc-1").volumeID
        try await rig.detach(id)
        try await rig.attach(id, to: "2")
        try await rig.detach(id, from: "1")
        #expect(rig.cloud.volumes.first?.droplets == [2])
        rig.cloud.removeByHand(id)
        try await rig.detach(id, from: "2")
        try await rig.detach("never-was")
    }
}
