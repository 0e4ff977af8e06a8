import CSICore
import CSIProto
import CSITestKit
import CSITransport
import FakeDigitalOcean
import Testing

@testable import DigitalOcean

@Suite("Volumes on a droplet")
struct NodeTests {
    @Test("a disk may appear late, but not too late", arguments: [(20, true), (90, false)])
    func late(seconds: Int, isFine: Bool) async throws {
        let rig = try await Rig()
        rig.machines.setDelay(.seconds(seconds))
        let volume = try await rig.create("pvc-1")
        let context = try await rig.attach(volume.volumeID)
        let error = await Self.error { () async throws(RPCError) in try await rig.stage(volume, context) }
        #expect((error == nil) == isFine, "\(error?.message ?? "")")
        guard !isFine else { return }
        #expect(error?.code == .deadlineExceeded, "the kubelet has to repeat: \(error?.message ?? "")")
        rig.host.manualClock.advance(by: .seconds(60))
        try await rig.stage(volume, context)
    }

    @Test("a disk that is smaller than its volume is refused")
    func wrongSize() async throws {
        let rig = try await Rig()
        rig.machines.setMissing(1 << 20)
        let volume = try await rig.create("pvc-1")
        let context = try await rig.attach(volume.volumeID)
        let error = await Self.error { () async throws(RPCError) in try await rig.stage(volume, context) }
        #expect(error?.code == .failedPrecondition, "\(error?.message ?? "")")
    }

    @Test("a disk that vanishes under a pod can be taken away, and comes back elsewhere with its data")
    func vanishes() async throws {
        let rig = try await Rig()
        let volume = try await rig.create("pvc-1")
        let context = try await rig.attach(volume.volumeID)
        try await rig.stage(volume, context)
        try await rig.publish(volume, context)
        #expect(rig.host.applicationWrites("/pods/target/file", Array("data".utf8)))
        rig.host.syncDevice("/dev/sda")
        rig.cloud.removeByHand(volume.volumeID)
        try await rig.release(volume.volumeID)
        try await rig.detach(volume.volumeID)
        #expect(rig.host.mountTable.entries.allSatisfy { !$0.mountPoint.starts(with: "/pods") })
    }

    @Test("a volume that moves keeps its data, and is formatted once")
    func moves() async throws {
        let rig = try await Rig()
        let there = LocalDriver(
            try Rig.driver(on: rig.other, FakeTransport(cloud: rig.cloud), node: "2"))
        try await there.start()
        let volume = try await rig.create("pvc-1")
        for turn in 0..<6 {
            let isHere = turn % 2 == 0
            let (host, client) = isHere ? (rig.host, rig.client) : (rig.other, there)
            let context = try await rig.attach(volume.volumeID, to: isHere ? "1" : "2")
            try await rig.stage(volume, context, on: client)
            try await rig.publish(volume, context, on: client)
            let expected = turn == 0 ? nil : Array("turn \(turn - 1)".utf8)
            #expect(host.content(of: "/pods/target/file") == expected)
            #expect(host.applicationWrites("/pods/target/file", Array("turn \(turn)".utf8)))
            try await rig.release(volume.volumeID, on: client)
            try await rig.detach(volume.volumeID, from: isHere ? "1" : "2")
        }
        let made = (rig.host.effects + rig.other.effects).count { $0.operation == .makeFileSystem }
        #expect(made == 1)
    }

    @Test("a snapshot's content is in what is made from it, grown to its size")
    func restored() async throws {
        let rig = try await Rig()
        let volume = try await rig.create("pvc-1")
        var context = try await rig.attach(volume.volumeID)
        try await rig.stage(volume, context)
        try await rig.publish(volume, context)
        #expect(rig.host.applicationWrites("/pods/target/file", Array("data".utf8)))
        try await rig.release(volume.volumeID)
        let snapshot = try await rig.client.call(
            CSIv1.Controller.createSnapshot, .init(sourceVolumeID: volume.volumeID, name: "s")
        ).snapshot
        let copy = try await rig.create(
            "pvc-2", gibibytes: 2, from: .init(type: .snapshot(.init(snapshotID: snapshot?.snapshotID ?? ""))))
        context = try await rig.attach(copy.volumeID)
        try await rig.stage(copy, context)
        try await rig.publish(copy, context)
        #expect(rig.host.content(of: "/pods/target/file") == Array("data".utf8))
        let made = rig.host.effects.count { $0.operation == .makeFileSystem }
        #expect(made == 1)
    }

    @Test("the node takes fewer volumes where others use its slots")
    func limit() async throws {
        let rig = try await Rig(dropletLimit: 7)
        func limit() async throws -> Int64 {
            try await rig.client.call(CSIv1.Node.nodeGetInfo, .init()).maxVolumesPerNode
        }
        #expect(try await limit() == 7)
        try await rig.attach(try await rig.create("pvc-1").volumeID)
        #expect(try await limit() == 7)
        let other = try await rig.create("database").volumeID
        try await rig.attach(other)
        #expect(try await limit() == 6)
        try await rig.detach(other)
        #expect(try await limit() == 7)
    }

    private static func error(_ body: () async throws(RPCError) -> Void) async -> RPCError? {
        do throws(RPCError) {
            try await body()
            return nil
        } catch {
            return error
        }
    }
}
