import CSIHost
import CSIProto
import CSITestKit
import CSITransport
import SystemPackage
import Testing

@testable import CSICore
@testable import CSINFS

@Suite("NFS volumes on a node")
struct NodeTests {
    @Test("Staged once, bound for each pod, read-only where that is asked for, and gone again")
    func life() async throws {
        let rig = try Rig()
        let volume = try await rig.create("pvc-1")
        await expectRefusal(.failedPrecondition, naming: "not staged") { try await rig.publish(volume) }
        try await rig.stage(volume)
        try await rig.stage(volume)
        try await rig.publish(volume)
        try await rig.publish(volume)
        try await rig.publish(volume, "reader", readOnly: true)
        await expectRefusal(.alreadyExists, naming: "readonly") { try await rig.publish(volume, readOnly: true) }
        #expect(rig.mounted(at: "/scratch/staging/v")?.source == "nfs.example:/export/pvc-1")
        #expect(rig.fake.applicationWrites("/scratch/pods/pod/f", [1]))
        #expect(!rig.fake.applicationWrites("/scratch/pods/reader/f", [1]))
        #expect(rig.fake.content(of: "/servers/one/pvc-1/f") == [1])
        let stats = try await rig.stats(volume)
        #expect(stats.bytes.total == 64 << 30 && stats.condition == .normal)
        for pod in ["pod", "reader"] {
            try await rig.unpublish(volume, pod)
            try await rig.unpublish(volume, pod)
        }
        try await rig.unstage(volume)
        try await rig.unstage(volume)
        #expect(rig.fake.mountTable.mounts(beneath: "/scratch").isEmpty)
        #expect(rig.fake.paths(below: "/scratch/pods") == ["/scratch/pods"])
    }

    @Test("Two volumes of one export are told apart, though their mounts look the same to the kernel")
    func apart() async throws {
        let rig = try Rig()
        let first = try await rig.create("pvc-1")
        let second = try await rig.create("pvc-2")
        try await rig.stage(first)
        await expectRefusal(.alreadyExists, naming: "pvc-1") { try await rig.stage(second) }
        await expectRefusal(.failedPrecondition, naming: "not staged") { try await rig.publish(second) }
        try await rig.publish(first)
        await expectRefusal(.notFound) { _ = try await rig.stats(second) }
    }

    @Test("A static volume with an arbitrary handle is mounted by its attributes")
    func byAttributes() async throws {
        let rig = try Rig()
        rig.fake.addDirectory("/servers/one/given")
        let volume = Volume(
            id: try VolumeID("anything"), capacity: 0,
            context: StringMap(
                [
                    "Server": "nfs.example", "share": "/export", "subDir": "given", "mountPermissions": "0777",
                    "mountOptions": "vers=3,nolock", "storage.kubernetes.io/csiProvisionerIdentity": "x",
                ]))
        try await rig.stage(volume)
        #expect(rig.mounted(at: "/scratch/staging/v")?.filesystemType == "nfs")
        #expect(rig.fake.metadata(of: "/servers/one/given")?.permissions == FilePermissions(rawValue: 0o777))
        try await rig.publish(volume)
        #expect(try await rig.stats(volume).condition == .normal)
        try await rig.unpublish(volume)
        try await rig.unstage(volume)
        let misspelt = Volume(id: volume.id, capacity: 0, context: StringMap(["server": "nfs.example", "sbuDir": "x"]))
        await expectRefusal(.invalidArgument, naming: "sbuDir") { try await rig.stage(misspelt) }
    }

    @Test("The group gets the root and nothing below it")
    func group() async throws {
        let rig = try Rig()
        let volume = try await rig.create("pvc-1")
        rig.fake.addFile("/servers/one/pvc-1/file", [1])
        try await rig.stage(volume, Rig.capability(group: "3000"))
        let root = try #require(rig.fake.metadata(of: "/servers/one/pvc-1"))
        #expect(root.groupID == 3000 && root.permissions.contains([.setGroupID, .groupWrite]))
        #expect(rig.fake.metadata(of: "/servers/one/pvc-1/file")?.groupID == 0)
        await expectRefusal(.invalidArgument, naming: "volume_mount_group") {
            try await rig.stage(volume, Rig.capability(group: "staff"))
        }
    }

    @Test("One target only where the access mode says so")
    func singleWriter() async throws {
        let rig = try Rig()
        let volume = try await rig.create("pvc-1")
        let single = Rig.capability(mode: .singleNodeSingleWriter)
        try await rig.stage(volume, single)
        try await rig.publish(volume, "one", single)
        await expectRefusal(.failedPrecondition, naming: "/scratch/pods/one") {
            try await rig.publish(volume, "two", single)
        }
    }

    @Test("Mounts of something else are left alone")
    func foreign() async throws {
        let rig = try Rig()
        let volume = try await rig.create("pvc-1")
        rig.fake.addFileSystem(at: "/scratch/pods/pod")
        await expectRefusal(.failedPrecondition, naming: "left alone") { try await rig.unpublish(volume) }
        rig.fake.addFileSystem(at: "/scratch/staging/v")
        await expectRefusal(.failedPrecondition, naming: "left alone") { try await rig.unstage(volume) }
        await expectRefusal(.alreadyExists, naming: "source") { try await rig.stage(volume) }
    }
}

@Suite("NFS servers that do not do as they should")
struct ServerTests {
    @Test("A server that is gone: its volumes go away, their condition says so, and another server's work")
    func gone() async throws {
        let rig = try Rig()
        let volume = try await rig.create("pvc-1")
        try await rig.stage(volume)
        try await rig.publish(volume)
        rig.fake.setServer("nfs.example", .gone)
        await expectRefusal(.deadlineExceeded) { try await rig.create("pvc-2") }
        await expectRefusal(.deadlineExceeded) { try await rig.delete(volume.id.rawValue) }
        let details = try await rig.driver.read(try GetVolume(validating: .init(volumeID: volume.id.rawValue)))
        #expect(details?.condition?.isAbnormal == true)
        #expect(try await rig.stats(volume).condition?.isAbnormal == true)
        var other = Rig.parameters
        other["server"] = "other.example"
        #expect(try await rig.create("pvc-3", other).id.rawValue == "other.example#export#pvc-3##")
        try await rig.unpublish(volume)
        try await rig.unstage(volume)
        #expect(rig.fake.mountTable.mounts(beneath: "/scratch").isEmpty)
        rig.fake.setServer("nfs.example", .running)
        #expect(rig.names == ["pvc-1"])
        try await rig.delete(volume.id.rawValue)
        #expect(rig.names == [])
    }

    @Test("An export that was made anew: what was staged is mounted anew")
    func stale() async throws {
        let rig = try Rig()
        let volume = try await rig.create("pvc-1")
        rig.fake.addFile("/servers/one/pvc-1/file", [1])
        try await rig.stage(volume)
        try await rig.publish(volume)
        rig.fake.makeExportAnew(try Rig.location(), at: "/servers/anew")
        let condition = try await rig.stats(volume).condition
        #expect(condition?.isAbnormal == true)
        try await rig.stage(volume)
        try await rig.publish(volume)
        #expect(rig.fake.content(of: "/scratch/pods/pod/file") == [1])
        #expect(try await rig.stats(volume).condition == .normal)
    }

    @Test("A staged volume that is stale is mounted anew when a pod comes")
    func staleAtPublish() async throws {
        let rig = try Rig()
        let volume = try await rig.create("pvc-1")
        try await rig.stage(volume)
        rig.fake.makeExportAnew(try Rig.location(), at: "/servers/anew")
        try await rig.publish(volume)
        #expect(try await rig.stats(volume).condition == .normal)
    }

    @Test("Refused, unknown, full, squashed: each with its code and its words")
    func answers() async throws {
        let rig = try Rig()
        var unknown = Rig.parameters
        unknown["server"] = "nowhere.example"
        await expectRefusal(.unavailable, naming: "nowhere.example") { try await rig.create("pvc-1", unknown) }
        var missing = Rig.parameters
        missing["share"] = "/missing"
        await expectRefusal(.failedPrecondition, naming: "/missing") { try await rig.create("pvc-1", missing) }
        var squashed = Rig.parameters
        squashed["share"] = "/squashed"
        await expectRefusal(.failedPrecondition, naming: "root_squash") { try await rig.create("pvc-1", squashed) }
        rig.fake.addDirectory("/servers/squashed/open", permissions: FilePermissions(rawValue: 0o777))
        squashed["share"] = "/squashed/open"
        #expect(try await rig.create("pvc-1", squashed).id.rawValue == "nfs.example#squashed/open#pvc-1##")
        rig.fake.setCapacity(of: "/servers/one", bytes: 0)
        await expectRefusal(.resourceExhausted) { try await rig.create("pvc-2") }
        rig.fake.setVersions(["3"], ofServer: "nfs.example")
        await expectRefusal(.failedPrecondition, naming: "4.2") { try await rig.create("pvc-3", flags: ["vers=4.2"]) }
        rig.fake.setServer("other.example", .refusing)
        var other = Rig.parameters
        other["server"] = "other.example"
        await expectRefusal(.unavailable, naming: "other.example") { try await rig.create("pvc-4", other) }
    }
}
