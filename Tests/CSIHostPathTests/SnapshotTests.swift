import CSIHost
import CSIProto
import CSITestKit
import CSITransport
import Synchronization
import SystemPackage
import Testing

@testable import CSICore
@testable import CSIHostPath
@testable import CSIPool

extension Requests {
    static func snapshot(_ name: String, of volume: String) throws -> CreateSnapshot {
        try CreateSnapshot(validating: .init(sourceVolumeID: volume, name: name))
    }

    static func deleteSnapshot(_ id: String) throws -> DeleteSnapshot {
        try DeleteSnapshot(validating: .init(snapshotID: id))
    }

    static func snapshots(of volume: String = "", id: String = "", limit: Int32 = 0, after: String? = nil) throws
        -> ListSnapshots
    {
        try ListSnapshots(
            validating: .init(
                maxEntries: limit, startingToken: after.map { PageToken.encoded(after: $0) } ?? "",
                sourceVolumeID: volume, snapshotID: id))
    }

    static func filled(
        _ name: String, from source: ContentSource, required: Int64 = 1 << 20, limit: Int64 = 0,
        parameters: ProtoMap<String, String> = [:], topology: CSIv1.TopologyRequirement? = nil
    ) throws -> CreateVolume {
        let wire: CSIv1.VolumeContentSource =
            switch source {
            case .snapshot(let id): .init(type: .snapshot(.init(snapshotID: id.rawValue)))
            case .volume(let id): .init(type: .volume(.init(volumeID: id.rawValue)))
            }
        return try CreateVolume(
            validating: .init(
                name: name, capacityRange: .init(requiredBytes: required, limitBytes: limit),
                volumeCapabilities: [.init(accessType: .mount(.init()), accessMode: .init(mode: .singleNodeWriter))],
                parameters: parameters, volumeContentSource: wire, accessibilityRequirements: topology))
    }
}

/// The code of the error that a body throws; nil when it throws none.
func code<T>(_ body: () async throws -> T) async -> RPCCode? {
    do {
        _ = try await body()
        return nil
    } catch let error as CSIError {
        return error.code
    } catch {
        Issue.record("not a CSIError: \(error)")
        return nil
    }
}

/// Lets other tasks go on until something is the case; a test that waits for ever ends by its time limit.
func settled(_ isSo: () -> Bool) async {
    while !isSo() { await Task.yield() }
}

@Suite("hostPath snapshots, restores and clones")
struct SnapshotTests {
    static let types = ["ext4", "xfs", "btrfs"]

    /// A volume `v` with a file and a directory in it.
    private func fill(_ rig: Rig, _ fake: FakeHost) async throws {
        _ = try await rig.driver.create(Requests.create("v"))
        #expect(fake.applicationWrites("/scratch/pool/volumes/v/data/file", [1, 2, 3]))
        fake.addFile("/scratch/pool/volumes/v/data/d/secret", [7], permissions: FilePermissions(rawValue: 0o600))
        fake.setAttribute("user.color", of: "/scratch/pool/volumes/v/data/file", to: [9])
    }

    private func data(_ id: String) -> FilePath { FilePath("/scratch/pool/volumes/\(id)/data") }

    @Test(arguments: types)
    func `a snapshot keeps what was there, and a restore brings it back`(type: String) async throws {
        try await Rig.withQuotas(type) { rig, fake in
            try await fill(rig, fake)
            let snapshot = try await rig.driver.createSnapshot(Requests.snapshot("s", of: "v"))
            #expect(snapshot.isReady && snapshot.source.rawValue == "v" && snapshot.size == 1 << 20)
            #expect(snapshot.creationTime.seconds > 0 && snapshot.group == nil)
            #expect(fake.applicationWrites("/scratch/pool/volumes/v/data/file", [4]))
            let again = try await rig.driver.createSnapshot(Requests.snapshot("s", of: "v"))
            #expect(again == snapshot)
            let restored = try await rig.driver.restore(
                Requests.filled("r", from: .snapshot(snapshot.id)), from: snapshot.id)
            #expect(restored.source == .snapshot(snapshot.id) && restored.capacity == 1 << 20)
            #expect(fake.content(of: data("r").appending("file")) == [1, 2, 3])
            #expect(fake.metadata(of: data("r").appending("d/secret"))?.permissions.rawValue == 0o600)
            #expect(fake.attribute("user.color", of: data("r").appending("file")) == [9])
            // What is restored belongs to the new volume: writable, and of the size that it was promised.
            #expect(fake.applicationWrites(data("r").appending("file"), [5]))
            #expect(fake.quota(of: data("r"))?.limits.bytes == 1 << 20)
            #expect(fake.content(of: "/scratch/pool/snapshots/s/data/file") == [1, 2, 3])
            try await rig.driver.deleteSnapshot(Requests.deleteSnapshot("s"))
            try await rig.driver.deleteSnapshot(Requests.deleteSnapshot("s"))
            #expect(fake.content(of: data("r").appending("file")) == [5])
            for id in ["v", "r"] { try await rig.driver.delete(Requests.delete(id)) }
            #expect(fake.quotaLimits(onFileSystemOf: "/scratch").isEmpty)
            for place in ["volumes", "snapshots", "groups", ".trash"] as [FilePath] {
                let path = FilePath("/scratch/pool").pushing(place)
                #expect(fake.paths(below: path) == [path])
            }
        }
    }

    @Test(arguments: types)
    func `a clone may be larger and never smaller`(type: String) async throws {
        try await Rig.withQuotas(type) { rig, fake in
            try await fill(rig, fake)
            let source = ContentSource.volume(try VolumeID("v"))
            let clone = try await rig.driver.clone(
                Requests.filled("c", from: source, required: 4 << 20), from: VolumeID("v"))
            #expect(clone.capacity == 4 << 20 && clone.source == source)
            #expect(fake.content(of: data("c").appending("file")) == [1, 2, 3])
            #expect(fake.quota(of: data("c"))?.limits.bytes == 4 << 20)
            let small = try await rig.driver.clone(
                Requests.filled("d", from: source, required: 1), from: VolumeID("v"))
            #expect(small.capacity == 1 << 20)
            #expect(
                await code {
                    try await rig.driver.clone(
                        Requests.filled("e", from: source, required: 1, limit: 2), from: VolumeID("v"))
                } == .outOfRange)
            #expect(fake.metadata(of: "/scratch/pool/volumes/e") == nil)
        }
    }

    @Test func `what is not here is not found, or elsewhere`() async throws {
        try await Rig.withQuotas("xfs") { rig, fake in
            try await fill(rig, fake)
            let (absent, source) = (try SnapshotID("none"), ContentSource.snapshot(try SnapshotID("none")))
            #expect(
                await code { try await rig.driver.restore(Requests.filled("r", from: source), from: absent) }
                    == .notFound)
            let here = CSIv1.TopologyRequirement(
                requisite: [.init(segments: ["topology.hostpath.swift-csi.dev/node": "node-1"])])
            #expect(
                await code {
                    try await rig.driver.restore(Requests.filled("r", from: source, topology: here), from: absent)
                } == .resourceExhausted)
            #expect(await code { try await rig.driver.createSnapshot(Requests.snapshot("s", of: "none")) } == .notFound)
            _ = try await rig.driver.create(Requests.create("w"))
            _ = try await rig.driver.createSnapshot(Requests.snapshot("s", of: "v"))
            #expect(
                await code { try await rig.driver.createSnapshot(Requests.snapshot("s", of: "w")) } == .alreadyExists)
        }
    }

    @Test func `snapshots are listed by id, by source and in pages`() async throws {
        try await Rig.withQuotas("xfs") { rig, fake in
            try await fill(rig, fake)
            _ = try await rig.driver.create(Requests.create("w"))
            for name in ["c", "a", "b"] { _ = try await rig.driver.createSnapshot(Requests.snapshot(name, of: "v")) }
            _ = try await rig.driver.createSnapshot(Requests.snapshot("d", of: "w"))
            let ids = { (request: ListSnapshots) async throws in
                try await rig.driver.listSnapshots(request).snapshots.map(\.id.rawValue)
            }
            #expect(try await ids(Requests.snapshots()) == ["a", "b", "c", "d"])
            #expect(try await ids(Requests.snapshots(of: "v")) == ["a", "b", "c"])
            #expect(try await ids(Requests.snapshots(of: "none")) == [])
            #expect(try await ids(Requests.snapshots(id: "b")) == ["b"])
            #expect(try await ids(Requests.snapshots(id: "none")) == [])
            let page = try await rig.driver.listSnapshots(Requests.snapshots(limit: 3))
            #expect(page.snapshots.map(\.id.rawValue) == ["a", "b", "c"] && page.next == "c")
            let rest = try await rig.driver.listSnapshots(Requests.snapshots(limit: 3, after: "c"))
            #expect(rest.snapshots.map(\.id.rawValue) == ["d"] && rest.next == nil)
        }
    }

    @Test func `a copy that takes long is not ready, listed, protected, and ready in the end`() async throws {
        try await Rig.withQuotas("ext4") { rig, fake in
            try await fill(rig, fake)
            fake.hang(.copyTree)
            fake.manualClock.isAutomatic = true
            let slow = try await rig.driver.createSnapshot(Requests.snapshot("s", of: "v"))
            #expect(!slow.isReady)
            let listed = try await rig.driver.listSnapshots(Requests.snapshots(id: "s")).snapshots
            #expect(listed == [slow])
            let restore = await code {
                try await rig.driver.restore(Requests.filled("r", from: .snapshot(slow.id)), from: slow.id)
            }
            #expect(restore == .unavailable)
            #expect(await code { try await rig.driver.delete(Requests.delete("v")) } == .failedPrecondition)
            #expect(try await !rig.driver.createSnapshot(Requests.snapshot("s", of: "v")).isReady)
            fake.release(.copyTree)
            fake.manualClock.isAutomatic = false
            let done = try await rig.driver.createSnapshot(Requests.snapshot("s", of: "v"))
            #expect(done.isReady && done.creationTime == slow.creationTime)
            #expect(fake.content(of: "/scratch/pool/snapshots/s/data/file") == [1, 2, 3])
            try await rig.driver.delete(Requests.delete("v"))
        }
    }

    @Test func `a copy is ended by the deletion of its snapshot`() async throws {
        try await Rig.withQuotas("ext4") { rig, fake in
            try await fill(rig, fake)
            fake.hang(.copyTree)
            fake.manualClock.isAutomatic = true
            #expect(try await !rig.driver.createSnapshot(Requests.snapshot("s", of: "v")).isReady)
            try await rig.driver.deleteSnapshot(Requests.deleteSnapshot("s"))
            #expect(fake.paths(below: "/scratch/pool/snapshots") == ["/scratch/pool/snapshots"])
            try await rig.driver.delete(Requests.delete("v"))
        }
    }

    @Test func `a copy that a crash has cut off is begun again at the start`() async throws {
        try await Rig.withQuotas("ext4") { rig, fake in
            try await fill(rig, fake)
            fake.hang(.copyTree)
            fake.manualClock.isAutomatic = true
            #expect(try await !rig.driver.createSnapshot(Requests.snapshot("s", of: "v")).isReady)
            fake.restart()
            fake.release(.copyTree)
            fake.manualClock.isAutomatic = false
            let second = try rig.secondDriver(role: .all)
            try await second.preflight()
            try await second.start()
            #expect(try await second.createSnapshot(Requests.snapshot("s", of: "v")).isReady)
            #expect(fake.content(of: "/scratch/pool/snapshots/s/data/file") == [1, 2, 3])
        }
    }

    @Test func `a restore or a clone that fails leaves no limit`() async throws {
        try await Rig.withQuotas("ext4") { rig, fake in
            try await fill(rig, fake)
            let snapshot = try await rig.driver.createSnapshot(Requests.snapshot("s", of: "v"))
            let limits = fake.quotaLimits(onFileSystemOf: "/scratch")
            fake.fail(.copyTree, with: .noSpace)
            #expect(
                await code {
                    try await rig.driver.restore(Requests.filled("r", from: .snapshot(snapshot.id)), from: snapshot.id)
                } == .resourceExhausted)
            #expect(fake.quotaLimits(onFileSystemOf: "/scratch") == limits)
            fake.fail(.copyTree, with: .inputOutput)
            let source = try VolumeID("v")
            #expect(
                await code { try await rig.driver.clone(Requests.filled("c", from: .volume(source)), from: source) }
                    != nil)
            #expect(fake.quotaLimits(onFileSystemOf: "/scratch") == limits)
        }
    }

    @Test func `a copy that fails says why, and leaves nothing`() async throws {
        try await Rig.withQuotas("ext4") { rig, fake in
            try await fill(rig, fake)
            fake.fail(.copyTree, with: .noSpace)
            #expect(
                await code { try await rig.driver.createSnapshot(Requests.snapshot("s", of: "v")) }
                    == .resourceExhausted)
            #expect(fake.paths(below: "/scratch/pool/snapshots") == ["/scratch/pool/snapshots"])
            #expect(try await rig.driver.createSnapshot(Requests.snapshot("s", of: "v")).isReady)
        }
    }

    @Test(arguments: [false, true])
    func `a copy that fails and cannot be thrown away is never ready`(isBackground: Bool) async throws {
        try await Rig.withQuotas("ext4") { rig, fake in
            try await fill(rig, fake)
            fake.fail(.copyTree, with: .inputOutput)
            fake.fail(.rename, at: "/scratch/pool/snapshots/s", with: .inputOutput)
            let request = try Requests.snapshot("s", of: "v")
            if isBackground {
                fake.hang(.copyTree)
                fake.manualClock.isAutomatic = true
                #expect(try await !rig.driver.createSnapshot(request).isReady)
                fake.release(.copyTree)
                fake.manualClock.isAutomatic = false
                await settled { fake.effects.contains { $0.operation == .rename && $0.path.ends(with: "snapshots/s") } }
            }
            #expect(await code { try await rig.driver.createSnapshot(request) } == .internalError)
            #expect(fake.metadata(of: "/scratch/pool/snapshots/s/snapshot") != nil)
            let listed = try await rig.driver.listSnapshots(Requests.snapshots()).snapshots
            #expect(listed.map(\.isReady) == [false])
            #expect(try await rig.driver.listSnapshots(Requests.snapshots(id: "s")).snapshots == listed)
            let read = try GetSnapshot(validating: .init(snapshotID: "s"))
            #expect(try await rig.driver.readSnapshot(read) == listed.first)
            let id = try SnapshotID("s")
            let restore = await code {
                try await rig.driver.restore(Requests.filled("r", from: .snapshot(id)), from: id)
            }
            #expect(restore == .unavailable)
            #expect(try await rig.driver.createSnapshot(request).isReady)
            #expect(fake.content(of: "/scratch/pool/snapshots/s/data/file") == [1, 2, 3])
        }
    }

    @Test func `a record that the manager does not know is no snapshot that is ready`() async throws {
        try await Rig.withQuotas("ext4") { rig, fake in
            try await fill(rig, fake)
            _ = try await rig.driver.createSnapshot(Requests.snapshot("s", of: "v"))
            let record = try #require(fake.content(of: "/scratch/pool/snapshots/s/snapshot"))
            try await rig.driver.deleteSnapshot(Requests.deleteSnapshot("s"))
            fake.addFile("/scratch/pool/snapshots/s/snapshot", record)
            #expect(try await rig.driver.listSnapshots(Requests.snapshots(id: "s")).snapshots.map(\.isReady) == [false])
            #expect(try await rig.driver.createSnapshot(Requests.snapshot("s", of: "v")).isReady)
            #expect(fake.content(of: "/scratch/pool/snapshots/s/data/file") == [1, 2, 3])
        }
    }

    @Test func `a snapshot that cannot be looked at is not thrown away for it`() async throws {
        try await Rig.withQuotas("ext4") { rig, fake in
            try await fill(rig, fake)
            _ = try await rig.driver.createSnapshot(Requests.snapshot("s", of: "v"))
            let member = try #require(rig.driver.pools.members.first)
            let record = try #require(try await member.pool.snapshot(SnapshotID("s")))
            let data: FilePath = "/scratch/pool/snapshots/s/data"
            member.pool.remember(record, isReady: false)
            fake.fail(.metadata, at: data, with: .inputOutput)
            let failed = await code { try await rig.driver.createSnapshot(Requests.snapshot("s", of: "v")) }
            #expect(failed == .internalError)
            #expect(fake.content(of: data.appending("file")) == [1, 2, 3])
            #expect(try await rig.driver.createSnapshot(Requests.snapshot("s", of: "v")).isReady)
        }
    }
}

@Suite("hostPath copies take turns", .timeLimit(.minutes(5)))
struct CopyTurnTests {
    /// As many as go on at once.
    private static let limit = 4

    /// A volume with a snapshot, on a file system where copies take time.
    private func withCopies(_ body: (Rig, FakeHost, SnapshotID) async throws -> Void) async throws {
        try await Rig.withQuotas("ext4") { rig, fake in
            _ = try await rig.driver.create(Requests.create("v"))
            let snapshot = try await rig.driver.createSnapshot(Requests.snapshot("ready", of: "v"))
            #expect(snapshot.isReady)
            fake.hang(.copyTree)
            fake.manualClock.isAutomatic = true
            try await body(rig, fake, snapshot.id)
        }
    }

    private func wait(until isTrue: () -> Bool) async {
        while !isTrue() { await Task.yield() }
    }

    /// Begins as many snapshots as go on at once.
    private func occupy(_ rig: Rig, _ fake: FakeHost) async throws {
        for index in 0..<Self.limit {
            #expect(try await !rig.driver.createSnapshot(Requests.snapshot("s\(index)", of: "v")).isReady)
        }
        await wait { fake.hungCalls.count == Self.limit }
    }

    @Test func `a copy whose turn has not come is ended by the deletion of its snapshot`() async throws {
        try await withCopies { rig, fake, _ in
            try await occupy(rig, fake)
            #expect(try await !rig.driver.createSnapshot(Requests.snapshot("last", of: "v")).isReady)
            try await rig.driver.deleteSnapshot(Requests.deleteSnapshot("last"))
            #expect(fake.hungCalls.count == Self.limit)
            #expect(fake.metadata(of: "/scratch/pool/snapshots/last") == nil)
            // The turns go on without it.
            #expect(try await !rig.driver.createSnapshot(Requests.snapshot("next", of: "v")).isReady)
            fake.release(.copyTree)
            fake.manualClock.isAutomatic = false
            for name in ["s0", "s3", "next", "last"] {
                #expect(try await rig.driver.createSnapshot(Requests.snapshot(name, of: "v")).isReady)
            }
        }
    }

    @Test func `restores, clones and groups wait for their turn, and can be cancelled meanwhile`() async throws {
        try await withCopies { rig, fake, snapshot in
            try await occupy(rig, fake)
            let (ready, volume) = (ContentSource.snapshot(snapshot), try VolumeID("v"))
            let calls: [@Sendable () async throws -> Void] = [
                { _ = try await rig.driver.restore(Requests.filled("r", from: ready), from: snapshot) },
                { _ = try await rig.driver.clone(Requests.filled("c", from: .volume(volume)), from: volume) },
                {
                    _ = try await rig.driver.createGroupSnapshot(
                        CreateGroupSnapshot(validating: .init(name: "g", sourceVolumeIDs: ["v"])))
                },
            ]
            for (index, call) in calls.enumerated() {
                let cancelled = Task { await code { try await call() } }
                if index < 2 { await wait { fake.paths(below: "/scratch/pool/volumes").count > 4 } }
                cancelled.cancel()
                #expect(await cancelled.value == .cancelled)
                #expect(fake.paths(below: "/scratch/pool/volumes").count == 4)
                #expect(fake.paths(below: "/scratch/pool/groups").count == 1)
            }
            let waiting = calls.map { call in Task { await code { try await call() } } }
            // Both are as far as they come without a turn.
            await wait {
                ["r", "c"].allSatisfy { fake.quota(of: FilePath("/scratch/pool/volumes/\($0).partial/data")) != nil }
            }
            for _ in 0..<1000 { await Task.yield() }
            #expect(fake.hungCalls.count == Self.limit)
            fake.release(.copyTree)
            for call in waiting { #expect(await call.value == nil) }
        }
    }
}

@Suite("hostPath group snapshots")
struct GroupSnapshotTests {
    private func request(_ name: String, of volumes: [String]) throws -> CreateGroupSnapshot {
        try CreateGroupSnapshot(validating: .init(name: name, sourceVolumeIDs: volumes))
    }

    private func delete(_ id: String) throws -> DeleteGroupSnapshot {
        try DeleteGroupSnapshot(validating: .init(groupSnapshotID: id))
    }

    private func fill(_ rig: Rig, _ fake: FakeHost) async throws {
        for (index, name) in ["v", "w"].enumerated() {
            _ = try await rig.driver.create(Requests.create(name))
            #expect(fake.applicationWrites(FilePath("/scratch/pool/volumes/\(name)/data/file"), [UInt8(index)]))
        }
    }

    @Test(arguments: SnapshotTests.types)
    func `a group has a snapshot of each volume, and they go together`(type: String) async throws {
        try await Rig.withQuotas(type) { rig, fake in
            try await fill(rig, fake)
            let group = try await rig.driver.createGroupSnapshot(request("g", of: ["w", "v"]))
            #expect(group.id.rawValue == "g" && group.isReady)
            #expect(Set(group.snapshots.map(\.source.rawValue)) == ["v", "w"])
            #expect(group.snapshots.allSatisfy { $0.group == group.id && $0.creationTime == group.creationTime })
            #expect(try await rig.driver.createGroupSnapshot(request("g", of: ["v", "w"])) == group)
            #expect(try await rig.driver.groupSnapshot(group.id) == group)
            #expect(await code { try await rig.driver.createGroupSnapshot(request("g", of: ["v"])) } == .alreadyExists)
            let member = try #require(group.snapshots.first { $0.source.rawValue == "w" })
            let listed = try await rig.driver.listSnapshots(Requests.snapshots(of: "w")).snapshots
            #expect(listed == [member])
            #expect(
                await code { try await rig.driver.deleteSnapshot(Requests.deleteSnapshot(member.id.rawValue)) }
                    == .invalidArgument)
            _ = try await rig.driver.restore(Requests.filled("r", from: .snapshot(member.id)), from: member.id)
            #expect(fake.content(of: "/scratch/pool/volumes/r/data/file") == [1])
            // The next process knows the members as well.
            fake.restart()
            let second = try rig.secondDriver(role: .all)
            try await second.preflight()
            try await second.start()
            #expect(try await second.groupSnapshot(group.id) == group)
            #expect(try await second.listSnapshots(Requests.snapshots(id: member.id.rawValue)).snapshots == [member])
            try await second.deleteGroupSnapshot(delete("g"))
            try await second.deleteGroupSnapshot(delete("g"))
            #expect(try await second.groupSnapshot(group.id) == nil)
            #expect(try await second.listSnapshots(Requests.snapshots()).snapshots.isEmpty)
            #expect(fake.paths(below: "/scratch/pool/groups") == ["/scratch/pool/groups"])
        }
    }

    @Test(arguments: SnapshotTests.types)
    func `a failure in the middle leaves no member behind`(type: String) async throws {
        try await Rig.withQuotas(type) { rig, fake in
            try await fill(rig, fake)
            fake.clearEffects()
            _ = try await rig.driver.createGroupSnapshot(request("probe", of: ["v", "w"]))
            let count = fake.mutations.count
            try await rig.driver.deleteGroupSnapshot(delete("probe"))
            for index in 0..<count {
                fake.clearEffects()
                let seen = Mutex(0)
                fake.beforeEachEffect { (effect) async throws(HostError) in
                    guard effect.operation.isMutation else { return }
                    let number = seen.withLock { seen in
                        seen += 1
                        return seen - 1
                    }
                    if number == index { throw HostError(effect.operation, at: effect.path, kind: .inputOutput) }
                }
                let failed = await code { try await rig.driver.createGroupSnapshot(request("g", of: ["v", "w"])) }
                fake.beforeEachEffect(nil)
                let listed = try await rig.driver.listSnapshots(Requests.snapshots()).snapshots
                if failed == nil {
                    #expect(listed.count == 2)
                } else {
                    #expect(listed.isEmpty && fake.metadata(of: "/scratch/pool/groups/g") == nil, "\(index)")
                }
                #expect(try await rig.driver.createGroupSnapshot(request("g", of: ["v", "w"])).snapshots.count == 2)
                try await rig.driver.deleteGroupSnapshot(delete("g"))
            }
        }
    }

    @Test func `the volumes of a group must exist and lie in one pool`() async throws {
        let pools: [HostPathConfiguration.Pool] = [
            .init(path: "/scratch/pool"), .init(name: "fast", path: "/scratch/fast"),
        ]
        try await Rig.withQuotas("xfs", pools: pools) { rig, fake in
            _ = try await rig.driver.create(Requests.create("v"))
            _ = try await rig.driver.create(Requests.create("w", parameters: ["pool": "fast"]))
            #expect(
                await code { try await rig.driver.createGroupSnapshot(request("g", of: ["v", "w"])) }
                    == .failedPrecondition)
            #expect(await code { try await rig.driver.createGroupSnapshot(request("g", of: ["v", "x"])) } == .notFound)
            #expect(fake.paths(below: "/scratch/pool/groups") == ["/scratch/pool/groups"])
        }
    }
}
