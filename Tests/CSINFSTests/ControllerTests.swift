import CSIHost
import CSIProto
import CSITestKit
import CSITransport
import SystemPackage
import Testing

@testable import CSICore
@testable import CSINFS

@Suite("Volumes on a share")
struct ControllerTests {
    @Test("A volume is the directory that csi-driver-nfs would make, with its handle and attributes")
    func create() async throws {
        let rig = try Rig()
        let volume = try await rig.create("pvc-1")
        #expect(volume.id.rawValue == "nfs.example#export#pvc-1##")
        #expect(volume.capacity == Rig.size)
        #expect(
            volume.context.values
                == ["server": "nfs.example", "share": "/export", "subDir": "pvc-1", "quota": "none"])
        #expect(rig.names == ["pvc-1"])
        #expect(try await rig.create("pvc-1") == volume)
        #expect(try await rig.driver.volume(volume.id)?.capacity == Rig.size)
        try await rig.delete(volume.id.rawValue)
        try await rig.delete(volume.id.rawValue)
        #expect(rig.names == [])
        #expect(try await rig.driver.volume(volume.id) == nil)
    }

    @Test("An empty volume goes at once, any other one by way of the trash, where nothing stays")
    func trash() async throws {
        let rig = try Rig()
        let trash: FilePath = "/servers/one/.swift-csi/trash"
        // What an earlier process has left there.
        rig.fake.addFile(trash.appending("left/file"), [1])
        for (name, isEmpty) in [("a", true), ("b", false), ("c/d", false), ("c/e", true)] {
            var parameters = Rig.parameters
            parameters["subDir"] = name
            let volume = try await rig.create(String(name.reversed()), parameters)
            if !isEmpty { rig.fake.addFile(FilePath("/servers/one/\(name)/dir/file"), [1]) }
            rig.fake.clearEffects()
            try await rig.delete(volume.id.rawValue)
            #expect(rig.fake.effects.contains { $0.operation == .rename } == !isEmpty)
            #expect(rig.names == [])
            #expect(rig.fake.paths(below: trash).count == 1)
            #expect(rig.fake.paths(below: "/servers/one/.swift-csi/volumes").count == 1)
        }
    }

    @Test("Keys in any case, templates, modes and owners, and the policy in the handle")
    func parameters() async throws {
        let rig = try Rig()
        let volume = try await rig.create(
            "pvc-1",
            [
                "Server": "nfs.example", "SHARE": "/export/",
                "subdir": "${pvc.metadata.namespace}/x-${pvc.metadata.name}",
                "ONDELETE": "Retain", "mountPermissions": "0770", "uid": "1000", "gid": "2000",
                "csi.storage.k8s.io/pvc/name": "data", "csi.storage.k8s.io/pvc/namespace": "team",
            ], flags: ["nfsvers=4.1", "hard"])
        #expect(volume.id.rawValue == "nfs.example#export#team/x-data#pvc-1#retain#hard,vers=4.1")
        let made = try #require(rig.fake.metadata(of: "/servers/one/team/x-data"))
        #expect(made.permissions == FilePermissions(rawValue: 0o770))
        #expect((made.userID, made.groupID) == (1000, 2000))
        try await rig.delete(volume.id.rawValue)
        #expect(rig.names == ["team", "team/x-data"], "retained")
    }

    @Test(
        "A volume that was interrupted before it had its owner gets it", arguments: [HostOperation.setOwner, .rename])
    func interruptedBeforeItsOwner(operation: HostOperation) async throws {
        let rig = try Rig()
        let parameters: ProtoMap<String, String> = [
            "server": "nfs.example", "share": "/export", "mountPermissions": "2770", "uid": "1000", "gid": "2000",
        ]
        rig.fake.fail(operation, with: .inputOutput)
        await #expect(throws: CSIError.self) { _ = try await rig.create("pvc-1", parameters) }
        #expect(rig.fake.metadata(of: "/servers/one/pvc-1") == nil)
        _ = try await rig.create("pvc-1", parameters)
        let made = try #require(rig.fake.metadata(of: "/servers/one/pvc-1"))
        #expect(made.permissions == FilePermissions(rawValue: 0o2770))
        #expect((made.userID, made.groupID) == (1000, 2000))
        #expect(rig.fake.paths(below: "/servers/one/.swift-csi/making").count == 1, "nothing is left behind")
    }

    @Test("A directory of the volume's name that was there before keeps its owner")
    func takenOver() async throws {
        let rig = try Rig()
        rig.fake.addFile("/servers/one/pvc-1/file", [1])
        _ = try await rig.create("pvc-1", ["server": "nfs.example", "share": "/export", "uid": "1000"])
        #expect(rig.fake.metadata(of: "/servers/one/pvc-1")?.userID == 0)
        #expect(rig.names == ["pvc-1", "pvc-1/file"])
    }

    @Test(
        "Parameters that cannot be used are refused by name",
        arguments: [
            (["server": "nfs.example"], "share"), (["share": "/export"], "server"),
            (["server": "nfs.example", "share": "/export", "sbuDir": "a"], "sbuDir"),
            (["server": "nfs.example", "share": "/export", "Share": "/other"], "given twice"),
            (["server": "bad host", "share": "/export"], "server"),
            (["server": "nfs.example\n", "share": "/export"], "server"),
            (["server": "nfs.example", "share": "/export/../etc"], "share"),
            (["server": "nfs.example", "share": "/ex#port"], "#"),
            (["server": "nfs.example", "share": "/export", "subDir": "../x"], "subDir"),
            (["server": "nfs.example", "share": "/export", "subDir": "a#b"], "#"),
            (["server": "nfs.example", "share": "/export", "subDir": "a\nb"], "subDir"),
            (
                ["server": "nfs.example", "share": "/export", "subDir": "${pvc.metadata.name}"],
                "--extra-create-metadata"
            ),
            (["server": "nfs.example", "share": "/export", "subDir": "${what}"], "what"),
            (["server": "nfs.example", "share": "/export", "subDir": ".swift-csi/x"], ".swift-csi"),
            (["server": "nfs.example", "share": "/export", "onDelete": "keep"], "onDelete"),
            (["server": "nfs.example", "share": "/export", "mountPermissions": "999"], "mountPermissions"),
            (["server": "nfs.example", "share": "/export", "uid": "root"], "uid"),
        ] as [(ProtoMap<String, String>, String)])
    func refusals(parameters: ProtoMap<String, String>, word: String) async throws {
        let rig = try Rig()
        await expectRefusal(.invalidArgument, naming: word) { try await rig.create("pvc-1", parameters) }
        #expect(rig.names == [])
    }

    @Test(
        "Mount options are checked, and those that give up the server's address are refused",
        arguments: [
            ["addr=10.0.0.1"], ["vers=2"], ["hard", "soft"], ["sec=krb6"], ["bind"], ["nolock,vers=4.2"],
        ])
    func options(flags: [String]) async throws {
        let rig = try Rig()
        await expectRefusal(.invalidArgument, naming: "mount_flags") { try await rig.create("pvc-1", flags: flags) }
    }

    @Test("Another request for the same directory is refused, naming what differs")
    func conflicts() async throws {
        let rig = try Rig()
        try await rig.create("pvc-1")
        await expectRefusal(.alreadyExists, naming: "capacity_range") {
            try await rig.create("pvc-1", required: 2 << 30)
        }
        var shared = Rig.parameters
        shared["subDir"] = "pvc-1"
        await expectRefusal(.alreadyExists, naming: "subDir", "pvc-1") { try await rig.create("pvc-2", shared) }
        shared["subDir"] = "pvc-1/inside"
        await expectRefusal(.invalidArgument, naming: "leads into volume") { try await rig.create("pvc-3", shared) }
    }

    @Test("Deleting takes the parents that were made and are empty, and no others")
    func parents() async throws {
        let rig = try Rig()
        rig.fake.addDirectory("/servers/one/found")
        var parameters = Rig.parameters
        parameters["subDir"] = "made/deep/v1"
        let first = try await rig.create("pvc-1", parameters)
        parameters["subDir"] = "made/v2"
        let second = try await rig.create("pvc-2", parameters)
        parameters["subDir"] = "found/v3"
        let third = try await rig.create("pvc-3", parameters)
        try await rig.delete(first.id.rawValue)
        #expect(rig.names == ["found", "found/v3", "made", "made/v2"])
        await expectRefusal(.failedPrecondition, naming: "holds another volume") {
            try await rig.delete("nfs.example#export#made#x#")
        }
        try await rig.delete(second.id.rawValue)
        try await rig.delete(third.id.rawValue)
        #expect(rig.names == ["found"])
    }

    @Test(
        "An id that is no handle deletes nothing",
        arguments: [
            "x", "nfs.example#export", "nfs.example#export###", "nfs.example#export#..##", "nfs.example#export#/##",
        ])
    func foreignIDs(id: String) async throws {
        let rig = try Rig()
        rig.fake.addFile("/servers/one/file", [1])
        rig.fake.clearEffects()
        try await rig.delete(id)
        #expect(rig.names == ["file"])
        #expect(rig.fake.mutations.isEmpty)
    }

    @Test("What is not a directory of the volume is left alone")
    func links() async throws {
        let rig = try Rig()
        rig.fake.addDirectory("/servers/one/precious")
        rig.fake.addSymbolicLink("/servers/one/link", to: "precious")
        rig.fake.addFile("/servers/one/file", [1])
        await expectRefusal(.failedPrecondition) { try await rig.delete("nfs.example#export#link##") }
        await expectRefusal(.failedPrecondition) { try await rig.delete("nfs.example#export#link/inside##") }
        await expectRefusal(.failedPrecondition) { try await rig.delete("nfs.example#export#file##") }
        #expect(rig.names == ["file", "link", "precious"])
    }

    @Test("Archives keep what was archived before")
    func archives() async throws {
        let rig = try Rig()
        var parameters = Rig.parameters
        parameters["subDir"] = "team/data"
        parameters["onDelete"] = "archive"
        for round in 1...3 {
            let volume = try await rig.create("pvc-1", parameters)
            rig.fake.addFile("/servers/one/team/data/round", [UInt8(round)])
            try await rig.delete(volume.id.rawValue)
        }
        #expect(
            rig.names == [
                "archived-team", "archived-team/data", "archived-team/data.1", "archived-team/data.1/round",
                "archived-team/data.2", "archived-team/data.2/round", "archived-team/data/round",
            ])
        #expect(rig.fake.content(of: "/servers/one/archived-team/data/round") == [1])
        #expect(rig.fake.content(of: "/servers/one/archived-team/data.2/round") == [3])
    }

    @Test("A volume of csi-driver-nfs is found, grown, modified and deleted")
    func takeover() async throws {
        let rig = try Rig()
        rig.fake.addFile("/servers/one/team/a/file", [1])
        let id = try VolumeID("nfs.example#export#team/a#pvc-9#")
        #expect(try await rig.driver.volume(id)?.id == id)
        let grown = try await rig.driver.expand(
            try ExpandVolume(validating: .init(volumeID: id.rawValue, capacityRange: .init(requiredBytes: 5))))
        #expect(grown == Expansion(capacity: 5, needsNode: false))
        try await rig.driver.modify(
            try ModifyVolume(validating: .init(volumeID: id.rawValue, mutableParameters: ["onDelete": "retain"])))
        try await rig.delete(id.rawValue)
        #expect(rig.names == ["team", "team/a", "team/a/file"])
        try await rig.delete(id.rawValue)
        #expect(
            rig.names == ["team"], "the record of the policy went with the volume, and the directory above was found")
    }

    @Test("Lists and room, on the shares that are known")
    func list() async throws {
        let other = try Rig.location(on: "other.example")
        let rig = try Rig { $0.shares = [other] }
        for index in 1...5 { try await rig.create("pvc-\(index)") }
        var found: [String] = []
        var token = ""
        var position: String?
        repeat {
            let page = try await rig.driver.list(
                try ListVolumes(
                    validating: .init(maxEntries: 2, startingToken: position.map { PageToken.encoded(after: $0) } ?? "")
                ))
            found += page.entries.map(\.volume.id.rawValue)
            position = page.next
            token = page.next ?? ""
        } while !token.isEmpty
        #expect(found == (1...5).map { "nfs.example#export#pvc-\($0)##" })
        let room = try await rig.driver.capacity(
            try GetCapacity(validating: .init(parameters: Rig.parameters)))
        #expect(room.available > 0 && room.available <= 64 << 30)
        let all = try await rig.driver.capacity(try GetCapacity(validating: .init()))
        #expect(all.available > room.available)
    }
}
