import CSIHost
import CSIPool
import CSIProto
import CSITestKit
import CSITransport
import SystemPackage
import Testing

@testable import CSICore
@testable import CSIHostPath

@Suite("hostPath volumes have settings")
struct SettingsTests {
    @Test("The new directory has the mode and owner that the class asks for", arguments: ["ext4", "btrfs"])
    func directory(type: String) async throws {
        try await Rig.withQuotas(type) { rig, host in
            _ = try await rig.driver.create(
                Requests.create("v", parameters: ["mode": "02750", "uid": "1000", "gid": "2000"]))
            let made = try #require(host.metadata(of: "/scratch/pool/volumes/v/data"))
            #expect(made.permissions.rawValue == 0o2750)
            #expect(made.userID == 1000 && made.groupID == 2000)
            _ = try await rig.driver.create(Requests.create("w"))
            let usual = try #require(host.metadata(of: "/scratch/pool/volumes/w/data"))
            #expect(usual.permissions.rawValue == 0o777)
            #expect(usual.userID == 0 && usual.groupID == 0)
        }
    }

    @Test(
        "What cannot be used is refused by name",
        arguments: [
            ("mode", "750x"), ("mode", "8"), ("mode", "0999"), ("mode", "17777"), ("uid", "-1"), ("uid", "4294967295"),
            ("gid", "root"), ("onDelete", "keep"), ("inodeLimit", "-1"), ("inodeLimit", "many"), ("readAhead", "4096"),
            ("directIO", "true"), ("size", "1"),
        ])
    func refused(key: String, value: String) async throws {
        try await Rig.withQuotas { rig, host in
            let error = await #expect(throws: CSIError.self) {
                _ = try await rig.driver.create(Requests.create("v", parameters: [key: value]))
            }
            #expect(error?.code == .invalidArgument)
            #expect(error?.message.contains("parameters[\"\(key)\"]") == true, "\(error?.message ?? "")")
            #expect(host.metadata(of: "/scratch/pool/volumes/v") == nil)
        }
    }

    @Test("A volume is modified as a whole or not at all, and shows it")
    func modified() async throws {
        try await Rig.withQuotas { rig, host in
            let data: FilePath = "/scratch/pool/volumes/v/data"
            let made = try await rig.driver.create(
                Requests.create("v", parameters: ["inodeLimit": "50"], mutable: ["inodeLimit": "10"]))
            #expect(made.context["inodeLimit"] == "10")
            #expect(host.quota(of: data)?.limits == QuotaLimits(bytes: 1 << 20, inodes: 10))
            try await rig.driver.modify(Requests.modify("v", ["inodeLimit": "20", "onDelete": "retain"]))
            #expect(host.quota(of: data)?.limits == QuotaLimits(bytes: 1 << 20, inodes: 20))
            let shown = try #require(try await rig.driver.read(Requests.read("v"))).volume
            #expect(shown.context["inodeLimit"] == "20")
            #expect(shown.context["onDelete"] == "retain")
            // All or nothing, and the same again is success.
            let error = await #expect(throws: CSIError.self) {
                try await rig.driver.modify(Requests.modify("v", ["inodeLimit": "30", "onDelete": "keep"]))
            }
            #expect(error?.code == .invalidArgument)
            host.clearEffects()
            try await rig.driver.modify(Requests.modify("v", ["inodeLimit": "20"]))
            #expect(host.mutations.isEmpty)
            host.fail(.writeFile, with: .noSpace)
            let full = await #expect(throws: CSIError.self) {
                try await rig.driver.modify(Requests.modify("v", ["inodeLimit": "30"]))
            }
            #expect(full?.code == .resourceExhausted)
            #expect(host.quota(of: data)?.limits.inodes == 20)
            try await rig.driver.modify(Requests.modify("v", ["inodeLimit": "0"]))
            #expect(host.quota(of: data)?.limits == QuotaLimits(bytes: 1 << 20))
            #expect(try await rig.driver.read(Requests.read("v"))?.volume.context["inodeLimit"] == nil)
            // What was asked for at first is still what the volume was made with.
            _ = try await rig.driver.create(
                Requests.create("v", parameters: ["inodeLimit": "50"], mutable: ["inodeLimit": "10"]))
            let absent = await #expect(throws: CSIError.self) {
                try await rig.driver.modify(Requests.modify("w", [:]))
            }
            #expect(absent?.code == .notFound)
        }
    }

    @Test("Inodes are limited in the volume, where the file system counts them")
    func inodes() async throws {
        try await Rig.withQuotas("xfs") { rig, host in
            _ = try await rig.driver.create(Requests.create("v", mutable: ["inodeLimit": "3"]))
            let target = rig.targets.appending("t")
            try await rig.driver.publish(Requests.publish("v", at: target))
            #expect(host.applicationWrites(target.appending("a"), [1]))
            #expect(host.applicationWrites(target.appending("b"), [1]))
            #expect(!host.applicationWrites(target.appending("c"), [1]))
            let stats = try await rig.driver.stats(Requests.stats("v", at: target))
            #expect(stats.inodes == VolumeStats.Usage(available: 0, total: 3, used: 3))
            #expect(stats.condition?.message.contains("inodeLimit") == true)
        }
        for (type, enforcement) in [("btrfs", QuotaSupport.Enforcement.enforcing), ("ext4", .none)] {
            try await Rig.withQuotas(type, enforcement) { rig, _ in
                let error = await #expect(throws: CSIError.self) {
                    _ = try await rig.driver.create(Requests.create("v", mutable: ["inodeLimit": "3"]))
                }
                #expect(error?.code == .invalidArgument)
                _ = try await rig.driver.create(Requests.create("v"))
                let later = await #expect(throws: CSIError.self) {
                    try await rig.driver.modify(Requests.modify("v", ["inodeLimit": "3"]))
                }
                #expect(later?.code == .invalidArgument)
            }
        }
    }

    @Test("A volume that shall be retained leaves the list and keeps its data and its limit")
    func retained() async throws {
        try await Rig.withQuotas { rig, host in
            _ = try await rig.driver.create(Requests.create("v", parameters: ["onDelete": "retain"]))
            let target = rig.targets.appending("t")
            try await rig.driver.publish(Requests.publish("v", at: target))
            #expect(host.applicationWrites(target.appending("precious"), [42]))
            let refused = await #expect(throws: CSIError.self) { try await rig.driver.delete(Requests.delete("v")) }
            #expect(refused?.code == .failedPrecondition)
            try await rig.driver.unpublish(Requests.unpublish("v", at: target))
            try await rig.driver.delete(Requests.delete("v"))
            try await rig.driver.delete(Requests.delete("v"))
            #expect(try await rig.driver.volume(VolumeID("v")) == nil)
            let kept = host.paths(below: "/scratch/pool/retained").filter { $0.lastComponent?.string == "precious" }
            #expect(kept.count == 1)
            #expect(kept.first.flatMap { host.content(of: $0) } == [42])
            #expect(host.quota(of: kept.first?.removingLastComponent() ?? "/")?.limits.bytes == 1 << 20)
            // The name is free, for a volume with a limit of its own.
            _ = try await rig.driver.create(Requests.create("v", parameters: ["onDelete": "retain"]))
            #expect(host.quotaLimits(onFileSystemOf: "/scratch").count == 2)
            host.restart()
            let driver = try Rig.driver(host, pools: [.init(path: "/scratch/pool")])
            try await driver.preflight()
            try await driver.start()
            #expect(host.quotaLimits(onFileSystemOf: "/scratch").count == 2)
        }
    }

    @Test("Settings of raw block volumes are read and refused by value")
    func block() throws {
        var settings = VolumeSettings()
        try settings.apply(Parameters(StringMap(["readAhead": "128Ki", "directIO": "false"])))
        #expect(settings.attributes == StringMap(["readAhead": "131072", "directIO": "false"]))
        try settings.check(isBlock: true, limitsInodes: false, Parameters())
        #expect(throws: CSIError.self) { try settings.check(isBlock: false, limitsInodes: true, Parameters()) }
        for (key, value) in [("readAhead", "5000"), ("readAhead", "2Gi"), ("readAhead", ""), ("directIO", "yes")] {
            #expect(throws: CSIError.self) { try settings.apply(Parameters(StringMap([key: value]))) }
        }
        #expect(settings.readAhead == 131_072)
        #expect(try VolumeSettings(settings.attributes, of: VolumeID("v")) == settings)
    }
}
