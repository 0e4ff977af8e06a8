import CSIProto
import CSITransport
import Synchronization
import Testing

@testable import CSICore

@Suite("What drivers of clouds lean on")
struct CloudAbilityTests {
    /// A node whose limit is counted, and whose handlers note how long their callers wait.
    final class CountingDriver: NodeLimitReporting {
        let info: PluginInfo
        let nodeID: NodeID
        let support = VolumeSupport(modes: [.singleNodeWriter])
        let limit = Mutex<Int64>(7)
        let timeLeft = Mutex<Duration?>(nil)

        init() throws {
            info = try PluginInfo(name: "a.b", version: "1")
            nodeID = try NodeID("n")
        }

        func volumeLimit() async throws(CSIError) -> Int64 {
            timeLeft.withLock { $0 = CallDeadline.timeLeft }
            return limit.withLock { $0 }
        }

        func publish(_ request: PublishVolume) async throws(CSIError) {
            timeLeft.withLock { $0 = CallDeadline.timeLeft }
        }

        func unpublish(_ request: UnpublishVolume) async throws(CSIError) {}
        func stats(_ request: GetVolumeStats) async throws(CSIError) -> VolumeStats { throw .unimplemented("no") }
    }

    @Test("A limit that is counted is counted at each question")
    func limit() async throws {
        let driver = try CountingDriver()
        let local = LocalDriver(driver)
        try await local.start()
        #expect(try await local.call(CSIv1.Node.nodeGetInfo, .init()).maxVolumesPerNode == 7)
        driver.limit.withLock { $0 = 5 }
        #expect(try await local.call(CSIv1.Node.nodeGetInfo, .init()).maxVolumesPerNode == 5)
    }

    @Test("A handler knows how long its caller waits, with keys and without, and that some do not say")
    func deadline() async throws {
        let driver = try CountingDriver()
        let local = LocalDriver(driver)
        try await local.start()
        let client = try await local.connect()
        _ = try await client.unary(CSIv1.Node.nodeGetInfo, .init(), timeout: .seconds(30))
        let unkeyed = try #require(driver.timeLeft.withLock { $0 })
        #expect(unkeyed > .seconds(20) && unkeyed <= .seconds(30))
        let capability = CSIv1.VolumeCapability(
            accessType: .mount(.init()), accessMode: .init(mode: .singleNodeWriter))
        let request = CSIv1.NodePublishVolumeRequest(volumeID: "v", targetPath: "/t", volumeCapability: capability)
        _ = try await client.unary(CSIv1.Node.nodePublishVolume, request, timeout: .seconds(60))
        let keyed = try #require(driver.timeLeft.withLock { $0 })
        #expect(keyed > .seconds(50) && keyed <= .seconds(60))
        _ = try await local.call(CSIv1.Node.nodePublishVolume, request)
        #expect(driver.timeLeft.withLock { $0 } == nil)
        #expect(CallDeadline.timeLeft == nil)
    }

    @Test("Pages of everything are in order, whole, and without repetition", arguments: [1, 2, 3, 7, 100])
    func pages(limit: Int) throws {
        let all = try ["d", "a", "g", "c", "f", "b", "e"].map {
            VolumeDetails(volume: Volume(id: try VolumeID($0), capacity: 1))
        }
        var seen: [String] = []
        var token = ""
        repeat {
            let request = try ListVolumes(validating: .init(maxEntries: Int32(limit), startingToken: token))
            let page = VolumePage(of: all, for: request)
            #expect(page.entries.count <= limit)
            seen += page.entries.map(\.volume.id.rawValue)
            token = page.next.map { PageToken.encoded(after: $0) } ?? ""
        } while !token.isEmpty
        #expect(seen == ["a", "b", "c", "d", "e", "f", "g"])
    }

    @Test("Snapshots that do not match are on no page")
    func snapshotPages() throws {
        let all = try [("s1", "a"), ("s2", "b"), ("s3", "a")].map {
            Snapshot(
                id: try SnapshotID($0.0), source: try VolumeID($0.1), size: 1, creationTime: Timestamp(seconds: 1),
                isReady: true)
        }
        let bySource = SnapshotPage(of: all, for: try ListSnapshots(validating: .init(sourceVolumeID: "a")))
        #expect(bySource.snapshots.map(\.id.rawValue) == ["s1", "s3"])
        let byID = SnapshotPage(of: all, for: try ListSnapshots(validating: .init(snapshotID: "s2")))
        #expect(byID.snapshots.map(\.id.rawValue) == ["s2"] && byID.next == nil)
    }

    @Test("A digest tells fingerprints apart that only their borders tell apart")
    func digests() {
        let one = Fingerprint([.init("a", "b"), .init("c", "d")])
        #expect(one.digest == Fingerprint([.init("a", "b"), .init("c", "d")]).digest)
        #expect(one.digest.utf8.count == 32)
        let others = [Fingerprint([.init("a", "b1:c=1:d;")]), Fingerprint([.init("a", "b")]), Fingerprint()]
        #expect(Set(others.map(\.digest) + [one.digest]).count == 4)
    }
}
