import CSICore
import CSIProto
import CSITestKit
import CSITransport
import FakeDigitalOcean
import Testing

@testable import DigitalOcean

@Suite("Volumes and snapshots of the cloud")
struct ControllerTests {
    @Test("a lost answer makes no second volume", arguments: ["lost", "broken", "errors", "storm"])
    func lostCreate(trouble: String) async throws {
        let rig = try await Rig()
        switch trouble {
        case "lost": rig.cloud.loseAnswers(to: "POST /v2/volumes", times: 2)
        case "broken": rig.cloud.breakConnection(at: "POST /v2/volumes", times: 2)
        case "errors": rig.cloud.answer("POST /v2/volumes", with: 500, times: 2)
        default: rig.cloud.answer("", with: 429, retryAfter: 1, times: 4)
        }
        let volume = try await rig.create("pvc-1")
        #expect(rig.cloud.volumes.map(\.id) == [volume.volumeID])
        #expect(try await rig.create("pvc-1") == volume)
    }

    @Test("a name that is taken by another request is refused, and says what differs")
    func taken() async throws {
        let rig = try await Rig()
        try await rig.create("pvc-1")
        let larger = await #expect(throws: RPCError.self) { try await rig.create("pvc-1", gibibytes: 2) }
        #expect(larger?.code == .alreadyExists)
        #expect(larger?.message.contains("capacity_range") == true)
        let xfs = await #expect(throws: RPCError.self) {
            _ = try await rig.client.call(
                CSIv1.Controller.createVolume,
                .init(
                    name: "pvc-1", capacityRange: .init(requiredBytes: 1 << 30),
                    volumeCapabilities: [Rig.capability(type: "xfs")]))
        }
        #expect(xfs?.code == .alreadyExists)
    }

    @Test(
        "says no with the code that decides what happens next",
        arguments: [
            ("limit", 1, .resourceExhausted, "limit"), ("", 16_385, .outOfRange, "GiB"),
            ("token", 1, .unauthenticated, "token"), ("away", 1, .unavailable, "503"),
        ] as [(String, Int64, RPCCode, String)])
    func refusals(trouble: String, gibibytes: Int64, code: RPCCode, words: String) async throws {
        let rig = try await Rig(volumeLimit: trouble == "limit" ? 0 : 1000)
        if trouble == "token" { rig.cloud.answer("", with: 401, times: .max) }
        if trouble == "away" { rig.cloud.answer("", with: 503, times: .max) }
        let error = await #expect(throws: RPCError.self) { try await rig.create("pvc-1", gibibytes: gibibytes) }
        #expect(error?.code == code, "\(error?.message ?? "")")
        #expect(error?.message.contains(words) == true, "\(error?.message ?? "")")
    }

    @Test("names that the API does not take become others", arguments: ["Üben", "1st", "a b", "UPPER"])
    func names(name: String) async throws {
        let rig = try await Rig()
        let id = try await rig.create(name).volumeID
        #expect(try await rig.create(name).volumeID == id)
        #expect(rig.cloud.volumes.count == 1)
    }

    @Test("an attached volume is not deleted, and the error names the droplet")
    func inUse() async throws {
        let rig = try await Rig()
        let id = try await rig.create("pvc-1").volumeID
        try await rig.attach(id, to: "2")
        let error = await #expect(throws: RPCError.self) {
            _ = try await rig.client.call(CSIv1.Controller.deleteVolume, .init(volumeID: id))
        }
        #expect(error?.code == .failedPrecondition)
        #expect(error?.message.contains("droplet 2") == true)
        rig.cloud.removeByHand(id)
        _ = try await rig.client.call(CSIv1.Controller.deleteVolume, .init(volumeID: id))
    }

    @Test("a list tells where volumes are, and a volume on a droplet that is off or gone is not well")
    func published() async throws {
        let rig = try await Rig()
        let id = try await rig.create("pvc-1").volumeID
        try await rig.attach(id, to: "2")
        let entries = try await rig.client.call(CSIv1.Controller.listVolumes, .init()).entries
        #expect(entries.first?.status?.publishedNodeIDs == ["2"])
        for (status, isAbnormal) in [("active", false), ("off", true), (nil, true)] as [(String?, Bool)] {
            rig.cloud.setDroplet(2, status)
            let reply = try await rig.client.call(CSIv1.Controller.controllerGetVolume, .init(volumeID: id))
            #expect(reply.status?.volumeCondition?.abnormal == isAbnormal)
            #expect(reply.status?.publishedNodeIDs == ["2"])
        }
    }

    @Test("a snapshot is taken once and restored with all that is in it", arguments: ["", "lost", "broken"])
    func snapshots(trouble: String) async throws {
        let rig = try await Rig()
        let volume = try await rig.create("pvc-1")
        let path = "POST /v2/volumes/\(volume.volumeID)/snapshots"
        if trouble == "lost" { rig.cloud.loseAnswers(to: path) }
        if trouble == "broken" { rig.cloud.breakConnection(at: path) }
        let request = CSIv1.CreateSnapshotRequest(sourceVolumeID: volume.volumeID, name: "snap-a")
        let snapshot = try await rig.client.call(CSIv1.Controller.createSnapshot, request).snapshot
        #expect(try await rig.client.call(CSIv1.Controller.createSnapshot, request).snapshot == snapshot)
        #expect(snapshot?.readyToUse == true && snapshot?.sizeBytes == 1 << 30)
        #expect(snapshot?.creationTime?.seconds == 1_772_470_849)
        let restored = try await rig.create(
            "pvc-2", gibibytes: 3, from: .init(type: .snapshot(.init(snapshotID: snapshot?.snapshotID ?? ""))))
        #expect(restored.volumeContext["origin"] == "copy")
        #expect(volume.volumeContext["origin"] == "empty")
        let other = try await rig.create("pvc-3")
        let error = await #expect(throws: RPCError.self) {
            _ = try await rig.client.call(
                CSIv1.Controller.createSnapshot, .init(sourceVolumeID: other.volumeID, name: "snap-a"))
        }
        #expect(error?.code == .alreadyExists)
    }

    @Test("a volume grows once, also when the answer is lost", arguments: ["", "lost", "failing"])
    func growth(trouble: String) async throws {
        let rig = try await Rig()
        let id = try await rig.create("pvc-1").volumeID
        if trouble == "lost" { rig.cloud.loseAnswers(to: "POST /v2/volumes/\(id)/actions") }
        if trouble == "failing" { rig.cloud.failActions() }
        let reply = try await rig.client.call(
            CSIv1.Controller.controllerExpandVolume, .init(volumeID: id, capacityRange: .init(requiredBytes: 2 << 30)))
        #expect(reply.capacityBytes == 2 << 30 && reply.nodeExpansionRequired)
        #expect(rig.cloud.volumes.map(\.size) == [2])
    }

    @Test("a volume of the driver that the cloud publishes is taken over, and never formatted")
    func takeover() async throws {
        let rig = try await Rig()
        let id = try await rig.create("pvc-1").volumeID
        rig.cloud.describe(id, "Created by DigitalOcean CSI driver")
        let volume = try await rig.create("pvc-1")
        #expect(volume.volumeID == id)
        let context = try await rig.attach(id)
        let error = await #expect(throws: RPCError.self) { try await rig.stage(volume, context) }
        #expect(error?.code == .failedPrecondition)
        #expect(error?.message.contains("not formatted") == true)
    }
}
