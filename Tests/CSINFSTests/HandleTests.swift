import CSIHost
import SystemPackage
import Testing

@testable import CSINFS

@Suite("Handles")
struct HandleTests {
    struct Row: Sendable, CustomTestStringConvertible {
        let id: String
        let location: String
        var name = ""
        var onDelete: DeletePolicy?
        var options = ""
        var testDescription: String { id }
    }

    @Test(
        "Handles of csi-driver-nfs, new and old, are read",
        arguments: [
            Row(id: "10.0.0.1#share#pvc-1##", location: "10.0.0.1:/share/pvc-1"),
            Row(id: "nfs.example#exports/k8s#pvc-1", location: "nfs.example:/exports/k8s/pvc-1"),
            Row(id: "nfs.example#share#team/a#pvc-1#", location: "nfs.example:/share/team/a", name: "pvc-1"),
            Row(id: "nfs#share#a#pvc-1#retain", location: "nfs:/share/a", name: "pvc-1", onDelete: .retain),
            Row(id: "nfs#share#a#pvc-1#Archive", location: "nfs:/share/a", name: "pvc-1", onDelete: .archive),
            Row(id: "nfs#share#a##delete", location: "nfs:/share/a", onDelete: .delete),
            Row(id: "nfs##pvc-1##", location: "nfs:/pvc-1"),
            Row(id: "fd00::1#share#pvc-1##", location: "[fd00::1]:/share/pvc-1"),
            Row(id: "[fd00::1]#share#pvc-1##", location: "[fd00::1]:/share/pvc-1"),
            Row(id: "nfs#with space#pvc 1##", location: "nfs:/with space/pvc 1"),
            Row(id: "nfs/share/pvc-1", location: "nfs:/share/pvc-1"),
            Row(id: "nfs/exports/k8s/pvc-1", location: "nfs:/exports/k8s/pvc-1"),
            Row(
                id: "nfs#share#a#pvc-1##hard,vers=4.1", location: "nfs:/share/a", name: "pvc-1",
                options: "hard,vers=4.1"),
        ])
    func reads(_ row: Row) throws {
        let handle = try #require(VolumeHandle(row.id))
        #expect(handle.description == row.id)
        #expect(handle.location.description == row.location)
        #expect(handle.name == row.name)
        #expect(handle.onDelete == row.onDelete)
        #expect((handle.mountOptions?.text ?? "") == row.options)
    }

    @Test(
        "What is no handle is none",
        arguments: [
            "", "pvc-1", "nfs/pvc-1", "nfs#share", "nfs#share##", "nfs#share#/##", "nfs#share#..##",
            "nfs#share#a/../b##",
            "nfs#../etc#a##", "nfs#share#a/./b##", "nfs#share#a//b##", "nfs#share#a#n#perhaps", "nfs#share#a###vers=9",
            "nfs#share#a#n#delete#hard#more", "#share#a##", "bad host#share#a##", "nfs#share#a\nb##", "nfs/share/..",
            "nfs#share#.swift-csi/volumes##", "nfs#share#\u{7f}##", "-o#share#a##",
        ])
    func refuses(_ id: String) {
        #expect(VolumeHandle(id) == nil)
    }

    @Test("New handles are what csi-driver-nfs would write")
    func writes() throws {
        let share = try NFSLocation(server: "nfs.example", path: "/exports/k8s/")
        func text(_ directory: String, _ name: String, _ policy: DeletePolicy, _ flags: [String] = []) throws -> String
        {
            VolumeHandle(
                server: "nfs.example", share: share, directory: try SubDirectory(directory), name: name,
                onDelete: policy, defaultPolicy: .delete, mountOptions: try NFSMountOptions(mountFlags: flags)
            ).description
        }
        #expect(try text("pvc-1", "", .delete) == "nfs.example#exports/k8s#pvc-1##")
        #expect(try text("/team/a/", "pvc-1", .retain) == "nfs.example#exports/k8s#team/a#pvc-1#retain")
        #expect(try text("a", "pvc-1", .archive) == "nfs.example#exports/k8s#a#pvc-1#archive")
        #expect(try text("a", "", .delete, ["nfsvers=4.1", "hard"]) == "nfs.example#exports/k8s#a###hard,vers=4.1")
    }

    @Test("Snapshot handles are read and written")
    func snapshots() throws {
        let id = "nfs#share#snapshot-1#snapshot-1#pvc-1"
        let handle = try #require(SnapshotHandle(id))
        #expect(handle.share.description == "nfs:/share")
        #expect(handle.archives.map(\.string) == ["snapshot-1/pvc-1.tar.gz", "snapshot-1/pvc-1.tar"])
        let written = SnapshotHandle(
            server: "nfs", share: handle.share, name: handle.name, volume: "pvc-1", mountOptions: NFSMountOptions())
        #expect(written.description == id)
        for bad in [
            "nfs#share#a#b#pvc", "nfs#share#a#a#", "nfs#share#a#a", "nfs#share#a/b#a/b#v", "nfs#share#a#a#../v",
        ] {
            #expect(SnapshotHandle(bad) == nil, "\(bad)")
        }
    }

    @Test("Names of records are names, and different for different directories")
    func fileNames() throws {
        let long = String(repeating: "x/", count: 200) + "y"
        let texts = ["a", "a/b", "a%2Fb", "a%b", ".hidden", long, long + "z"]
        let names = try texts.map { ShareLayout.fileName(try SubDirectory($0)) }
        #expect(Set(names).count == texts.count)
        for name in names {
            #expect(!name.contains("/") && !name.hasPrefix(".") && name.utf8.count <= 255, "\(name)")
        }
    }
}
