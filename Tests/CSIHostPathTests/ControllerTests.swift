import CSIHost
import CSIProto
import CSITransport
import SystemPackage
import Testing

@testable import CSICore
@testable import CSIHostPath

@Suite("hostPath controller")
struct ControllerTests {
    @Test("Creating again gives the same volume", arguments: Machine.available)
    func idempotent(machine: Machine) async throws {
        try await Rig.with(machine) { rig in
            let request = try Requests.create("v", parameters: ["csi.storage.k8s.io/pvc/name": "claim"])
            let first = try await rig.driver.create(request)
            #expect(first.id.rawValue == "v")
            #expect(first.capacity == 1 << 20)
            #expect(first.context["quota"] == "none")
            #expect(first.accessibleTopology == [rig.driver.topology])
            #expect(try await rig.driver.create(request) == first)
            // A smaller size is met by what is there.
            #expect(try await rig.driver.create(Requests.create("v", required: 1)) == first)
        }
    }

    @Test("Another request for the same name is ALREADY_EXISTS and names what differs", arguments: Machine.available)
    func conflicting(machine: Machine) async throws {
        try await Rig.with(machine) { rig in
            _ = try await rig.driver.create(Requests.create("v", required: 1 << 20, limit: 1 << 20))
            let others: [(CreateVolume, String)] = [
                (try Requests.create("v", required: 2 << 20), "capacity_range"),
                (try Requests.create("v", required: 1, limit: 2), "capacity_range"),
                (try Requests.create("v", mode: .singleNodeMultiWriter), "volume_capabilities"),
                (try Requests.create("v", flags: ["noexec"]), "volume_capabilities"),
            ]
            for (request, field) in others {
                let error = await #expect(throws: CSIError.self) { try await rig.driver.create(request) }
                #expect(error?.code == .alreadyExists)
                #expect(error?.message.contains(field) == true, "\(error?.message ?? "")")
            }
        }
    }

    @Test("What cannot be provided is refused with the code that says so", arguments: Machine.available)
    func refusals(machine: Machine) async throws {
        try await Rig.with(machine) { rig in
            let elsewhere = CSIv1.TopologyRequirement(
                requisite: [.init(segments: ["topology.hostpath.swift-csi.dev/node": "node-2"])])
            let cases: [(CreateVolume, RPCCode, String)] = [
                (try Requests.create("v", required: 1 << 50), .outOfRange, "if it were empty"),
                (try Requests.create("v", parameters: ["pol": "x"]), .invalidArgument, "parameters[\"pol\"]"),
                (try Requests.create("v", topology: elsewhere), .resourceExhausted, "node-1"),
            ]
            for (request, code, text) in cases {
                let error = await #expect(throws: CSIError.self) { try await rig.driver.create(request) }
                #expect(error?.code == code)
                #expect(error?.message.contains(text) == true, "\(error?.message ?? "")")
            }
            #expect(try await rig.driver.volume(VolumeID("v")) == nil)
        }
    }

    @Test("Without a size the volume is as large as usual, or as the pool has room", arguments: Machine.available)
    func noSize(machine: Machine) async throws {
        try await Rig.with(machine) { rig in
            let wire = CSIv1.CreateVolumeRequest(
                name: "v",
                volumeCapabilities: [.init(accessType: .mount(.init()), accessMode: .init(mode: .singleNodeWriter))])
            let made = try await rig.driver.create(CreateVolume(validating: wire))
            let room = try await rig.driver.capacity(GetCapacity(validating: .init()))
            #expect(made.capacity > 0 && made.capacity <= max(HostPathDriver.defaultCapacity, room.available))
            #expect(try await rig.driver.create(CreateVolume(validating: wire)) == made)
        }
    }

    @Test("A wish for another node does not rule this one out", arguments: Machine.available)
    func preferred(machine: Machine) async throws {
        try await Rig.with(machine) { rig in
            let key = "topology.hostpath.swift-csi.dev/node"
            let topology = CSIv1.TopologyRequirement(
                requisite: [.init(segments: [key: "node-2"]), .init(segments: [key: "node-1", "zone": "a"])],
                preferred: [.init(segments: [key: "node-2"])])
            _ = try await rig.driver.create(Requests.create("v", topology: topology))
        }
    }

    @Test("Deleting the absent is success, deleting the published is refused", arguments: Machine.available)
    func deleting(machine: Machine) async throws {
        try await Rig.with(machine) { rig in
            for id in ["unknown", "../../etc", "vol-x", "A B"] { try await rig.driver.delete(Requests.delete(id)) }
            _ = try await rig.driver.create(Requests.create("v"))
            let target = rig.targets.appending("t")
            try await rig.driver.publish(Requests.publish("v", at: target))
            let error = await #expect(throws: CSIError.self) { try await rig.driver.delete(Requests.delete("v")) }
            #expect(error?.code == .failedPrecondition)
            #expect(error?.message.contains(target.string) == true)
            try await rig.driver.unpublish(Requests.unpublish("v", at: target))
            try await rig.driver.delete(Requests.delete("v"))
            #expect(try await rig.driver.volume(VolumeID("v")) == nil)
            try await rig.driver.delete(Requests.delete("v"))
        }
    }

    @Test("Listing goes page by page", arguments: Machine.available)
    func listing(machine: Machine) async throws {
        try await Rig.with(machine) { rig in
            for number in 0..<5 { _ = try await rig.driver.create(Requests.create("v\(number)")) }
            var seen: [String] = []
            var token = ""
            repeat {
                let request = try ListVolumes(validating: .init(maxEntries: 2, startingToken: token))
                let page = try await rig.driver.list(request)
                #expect(page.entries.count <= 2)
                seen += page.entries.map(\.volume.id.rawValue)
                token = page.next.map { PageToken.encoded(after: $0) } ?? ""
            } while !token.isEmpty
            #expect(seen == ["v0", "v1", "v2", "v3", "v4"])
        }
    }

    @Test("Capacity is what the pool has left, and nothing on other nodes", arguments: Machine.available)
    func capacity(machine: Machine) async throws {
        try await Rig.with(machine) { rig in
            let here = try await rig.driver.capacity(GetCapacity(validating: .init()))
            #expect(here.available > 0 && here.available <= 1 << 30)
            let elsewhere = CSIv1.GetCapacityRequest(
                accessibleTopology: .init(segments: ["topology.hostpath.swift-csi.dev/node": "node-2"]))
            #expect(try await rig.driver.capacity(GetCapacity(validating: elsewhere)) == .none)
        }
    }

    @Test("A volume that lost its directory says so", arguments: Machine.available)
    func condition(machine: Machine) async throws {
        try await Rig.with(machine) { rig in
            _ = try await rig.driver.create(Requests.create("v"))
            let request = try GetVolume(validating: .init(volumeID: "v"))
            #expect(try await rig.driver.read(request)?.condition == .normal)
            try await rig.host.files.openDirectory(rig.pool).removeTree("volumes/v/data")
            #expect(try await rig.driver.read(request)?.condition?.isAbnormal == true)
            let page = try await rig.driver.list(ListVolumes(validating: .init()))
            #expect(page.entries.map(\.condition?.isAbnormal) == [true])
            #expect(try await rig.driver.read(GetVolume(validating: .init(volumeID: "w"))) == nil)
        }
    }
}
