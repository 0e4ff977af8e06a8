import CSIHost
import CSIPool
import CSIProto
import CSITestKit
import Logging
import SystemPackage
import Testing

@testable import CSICore
@testable import CSIHostPath

@Suite("What people see in a pool of the hostPath backend")
struct SurveyTests {
    private static func look(_ rig: Rig) async throws -> PoolSurvey {
        let pool = VolumePool(
            path: rig.pool, access: .lookUp, host: rig.host,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        try await pool.openToLook()
        return try await pool.survey()
    }

    @Test("What holds the size of each volume is seen", arguments: ["ext4", "btrfs"])
    func quotas(type: String) async throws {
        try await Rig.withQuotas(type) { rig, fake in
            _ = try await rig.driver.create(Requests.create("directory"))
            _ = try await rig.driver.create(Requests.block("image"))
            func seen() async throws -> [String?] { try await Self.look(rig).volumes.map(\.quota) }
            let project = try #require(fake.quota(of: "/scratch/pool/volumes/directory/data")).id
            #expect(try await seen() == [type == "btrfs" ? "subvolume" : "project \(project)", "image"])
            // As after a mount without the option.
            fake.setQuotas(.none, fileSystemOf: "/scratch")
            #expect(try await seen() == ["none", "image"])
            fake.addFile("/scratch/pool/volumes/directory/volume", Array("nonsense".utf8))
            #expect(try await seen() == [nil, "image"])
        }
    }

    @Test("Snapshots are seen while they are copied, when they are ready, and when they are damaged")
    func snapshots() async throws {
        try await Rig.withQuotas("ext4") { rig, fake in
            _ = try await rig.driver.create(Requests.create("v"))
            fake.hang(.copyTree)
            fake.manualClock.isAutomatic = true
            #expect(try await !rig.driver.createSnapshot(Requests.snapshot("s", of: "v")).isReady)
            var seen = try await Self.look(rig).snapshots
            #expect(seen.map(\.id) == ["s"] && seen.map(\.isReady) == [false])
            fake.release(.copyTree)
            fake.manualClock.isAutomatic = false
            let snapshot = try await rig.driver.createSnapshot(Requests.snapshot("s", of: "v"))
            seen = try await Self.look(rig).snapshots
            #expect(seen.map(\.isReady) == [true] && seen.first?.image == nil)
            #expect(seen.first?.record?.source.rawValue == "v")
            #expect(seen.first?.record?.creationTime == snapshot.creationTime)
            fake.addFile("/scratch/pool/snapshots/s/snapshot", Array("nonsense".utf8))
            seen = try await Self.look(rig).snapshots
            #expect(seen.first?.record == nil && seen.first?.problem?.contains("cannot be used") == true)
        }
    }

    @Test("Members of groups and snapshots of images are among them, in one order; unfinished groups are leftovers")
    func groups() async throws {
        try await Rig.withQuotas("xfs") { rig, fake in
            _ = try await rig.driver.create(Requests.create("d"))
            _ = try await rig.driver.create(Requests.block("b"))
            let group = try await rig.driver.createGroupSnapshot(
                CreateGroupSnapshot(validating: .init(name: "g", sourceVolumeIDs: ["b", "d"])))
            for name in ["a", "z"] {
                #expect(try await rig.driver.createSnapshot(Requests.snapshot(name, of: "b")).isReady)
            }
            fake.addDirectory("/scratch/pool/groups/half.partial")
            let survey = try await Self.look(rig)
            let members = group.snapshots.map(\.id.rawValue)
            #expect(survey.snapshots.map(\.id) == (["a", "z"] + members).sorted())
            #expect(survey.snapshots.allSatisfy { $0.isReady && $0.problem == nil })
            let images = survey.snapshots.filter { $0.record?.content == .image }
            #expect(images.count == 3 && images.allSatisfy { $0.image?.size == 4 << 20 })
            #expect(survey.snapshots.filter { $0.record?.group == group.id }.map(\.id) == members.sorted())
            #expect(survey.partials == ["/scratch/pool/groups/half.partial"])
            #expect(survey.volumes.map(\.id) == ["b", "d"])
        }
    }
}
