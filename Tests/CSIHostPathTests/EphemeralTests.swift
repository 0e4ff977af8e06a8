import CSIHost
import CSIProto
import CSITestKit
import CSITransport
import SystemPackage
import Testing

@testable import CSICore
@testable import CSIHostPath

extension Requests {
    /// What the kubelet calls an inline volume: longer than the name of a directory may be in a pool.
    static let inlineHandle = "csi-0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

    static func inline(
        at target: FilePath, readOnly: Bool = false, group: String = "", context: [String: String] = [:]
    ) throws -> PublishVolume {
        var values = context
        values["csi.storage.k8s.io/ephemeral"] = "true"
        values["csi.storage.k8s.io/pod.name"] = "web-0"
        return try PublishVolume(
            validating: .init(
                volumeID: inlineHandle, targetPath: target.string,
                volumeCapability: .init(
                    accessType: .mount(.init(volumeMountGroup: group)), accessMode: .init(mode: .singleNodeWriter)),
                readonly: readOnly, volumeContext: ProtoMap(values.map { ($0.key, $0.value) })))
    }
}

@Suite("hostPath inline volumes and mount groups")
struct EphemeralTests {
    private static let target: FilePath = "/scratch/pods/uid/volumes/kubernetes.io~csi/data/mount"

    /// The kubelet makes the directory that a target is in.
    private func makePod(_ fake: FakeHost) {
        fake.addDirectory(Self.target.removingLastComponent())
    }

    private func volumes(_ fake: FakeHost) -> [FilePath] {
        fake.paths(below: "/scratch/pool/volumes").filter { $0.components.count == 4 }
    }

    @Test(arguments: SnapshotTests.types)
    func `an inline volume lives from publish to unpublish`(type: String) async throws {
        try await Rig.withQuotas(type) { rig, fake in
            makePod(fake)
            let request = try Requests.inline(at: Self.target, context: ["size": "2Mi", "mode": "0750", "uid": "1000"])
            try await rig.driver.publish(request)
            try await rig.driver.publish(request)
            #expect(fake.applicationWrites(Self.target.appending("file"), [1]))
            let data = try #require(volumes(fake).first).appending("data")
            #expect(volumes(fake).count == 1 && fake.content(of: data.appending("file")) == [1])
            #expect(fake.metadata(of: data)?.permissions.rawValue == 0o750 && fake.metadata(of: data)?.userID == 1000)
            #expect(fake.quota(of: data)?.limits.bytes == 2 << 20)
            let stats = try await rig.driver.stats(Requests.stats(Requests.inlineHandle, at: Self.target))
            #expect(stats.bytes.total == 2 << 20 && stats.condition == .normal)
            #expect(try await rig.driver.list(ListVolumes(validating: .init())).entries.isEmpty)
            let unpublish = try Requests.unpublish(Requests.inlineHandle, at: Self.target)
            try await rig.driver.unpublish(unpublish)
            #expect(volumes(fake).isEmpty && fake.metadata(of: Self.target) == nil)
            #expect(fake.quotaLimits(onFileSystemOf: "/scratch").isEmpty)
            try await rig.driver.unpublish(unpublish)
        }
    }

    @Test func `an inline volume is read-only where the pod asks for that`() async throws {
        try await Rig.withQuotas("xfs") { rig, fake in
            makePod(fake)
            try await rig.driver.publish(Requests.inline(at: Self.target, readOnly: true))
            #expect(!fake.applicationWrites(Self.target.appending("file"), [1]))
            try await rig.driver.unpublish(Requests.unpublish(Requests.inlineHandle, at: Self.target))
            #expect(volumes(fake).isEmpty)
        }
    }

    @Test(arguments: [
        ("size", "much"), ("size", "0"), ("mode", "rwx"), ("colour", "red"), ("onDelete", "retain"),
        ("onDelete", "delete"), ("readAhead", "4096"),
    ])
    func `attributes that cannot be used are named`(key: String, value: String) async throws {
        try await Rig.withQuotas("xfs") { rig, fake in
            makePod(fake)
            let request = try Requests.inline(at: Self.target, context: [key: value])
            do throws(CSIError) {
                try await rig.driver.publish(request)
                Issue.record("published")
            } catch {
                #expect(error.code == .invalidArgument && error.message.contains(key))
            }
            #expect(volumes(fake).isEmpty && fake.metadata(of: Self.target) == nil)
        }
    }

    @Test func `an inline volume in the project of another one leaves that its limit`() async throws {
        try await Rig.withQuotas("xfs") { rig, fake in
            makePod(fake)
            _ = try await rig.driver.create(Requests.create("v"))
            let other = try #require(fake.quota(of: "/scratch/pool/volumes/v/data"))
            // The process of a node knows no volumes but those of its own pods.
            let node = try rig.secondDriver(role: .node)
            try await node.preflight()
            try await node.start()
            try await node.publish(Requests.inline(at: Self.target))
            fake.anotherProgramSetsQuota(of: Self.target, project: UInt32(other.id), limits: nil)
            #expect(fake.quotaLimits(onFileSystemOf: "/scratch").count == 2)
            try await node.unpublish(Requests.unpublish(Requests.inlineHandle, at: Self.target))
            #expect(fake.quotaLimits(onFileSystemOf: "/scratch") == [other.id: other.limits])
        }
    }

    @Test func `a publish that fails leaves no volume`() async throws {
        try await Rig.withQuotas("xfs") { rig, fake in
            #expect(
                await code { try await rig.driver.publish(Requests.inline(at: Self.target)) } == .failedPrecondition)
            #expect(volumes(fake).isEmpty)
            makePod(fake)
            fake.fail(.bindMount, with: .inputOutput)
            #expect(await code { try await rig.driver.publish(Requests.inline(at: Self.target)) } != nil)
            #expect(volumes(fake).isEmpty)
            try await rig.driver.publish(Requests.inline(at: Self.target))
            #expect(volumes(fake).count == 1)
        }
    }

    /// - Parameter isGone: whether the kubelet has removed the pod's directory while the driver was down.
    @Test(arguments: [true, false])
    func `what a crash leaves is swept when its pod is gone, and only then`(isGone: Bool) async throws {
        for role in [Role.all, .node] {
            try await Rig.withQuotas("xfs") { rig, fake in
                makePod(fake)
                _ = try await rig.driver.create(Requests.create("precious"))
                fake.addFile("/scratch/pool/volumes/vol-0123456789abcdef0123456789abcdef/volume", [1])
                try await rig.driver.publish(Requests.inline(at: Self.target))
                #expect(fake.applicationWrites(Self.target.appending("file"), [1]))
                // The mounts are gone with the machine's power, the files that were synced are not.
                fake.restart(after: .power)
                if isGone { fake.anotherProgramRemoves("/scratch/pods/uid") }
                let second = try rig.secondDriver(role: role)
                try await second.preflight()
                try await second.start()
                let left = volumes(fake).compactMap(\.lastComponent?.string).sorted()
                let foreign = ["precious", "vol-0123456789abcdef0123456789abcdef"]
                if isGone {
                    #expect(left == foreign, "\(role)")
                } else {
                    #expect(left.count == 3, "\(role)")
                    // The kubelet publishes again, or takes away what it knows of.
                    try await second.unpublish(Requests.unpublish(Requests.inlineHandle, at: Self.target))
                    #expect(volumes(fake).compactMap(\.lastComponent?.string).sorted() == foreign, "\(role)")
                }
            }
        }
    }

    @Test func `an inline volume that is published is never swept`() async throws {
        try await Rig.withQuotas("xfs") { rig, fake in
            makePod(fake)
            try await rig.driver.publish(Requests.inline(at: Self.target))
            fake.restart()
            let second = try rig.secondDriver(role: .all)
            try await second.preflight()
            try await second.start()
            #expect(volumes(fake).count == 1)
            #expect(fake.applicationWrites(Self.target.appending("file"), [1]))
        }
    }

    @Test(arguments: Machine.available)
    func `the group of a pod owns the root of its volume`(machine: Machine) async throws {
        try await Rig.with(machine) { rig in
            _ = try await rig.driver.create(Requests.create("v"))
            let publish = { (group: String, readOnly: Bool) throws in
                try PublishVolume(
                    validating: .init(
                        volumeID: "v", targetPath: rig.targets.appending("a").string,
                        volumeCapability: .init(
                            accessType: .mount(.init(volumeMountGroup: group)),
                            accessMode: .init(mode: .singleNodeWriter)), readonly: readOnly))
            }
            let data = rig.pool.appending("volumes/v/data")
            #expect(await code { try await rig.driver.publish(publish("staff", false)) } == .invalidArgument)
            try await rig.driver.publish(publish("4321", true))
            #expect(try await rig.host.files.metadata(of: data)?.groupID == 0)
            try await rig.driver.unpublish(Requests.unpublish("v", at: rig.targets.appending("a")))
            for _ in 0..<2 { try await rig.driver.publish(publish("4321", false)) }
            let root = try #require(try await rig.host.files.metadata(of: data))
            #expect(root.groupID == 4321 && root.permissions.rawValue == 0o2777)
            try await rig.driver.unpublish(Requests.unpublish("v", at: rig.targets.appending("a")))
            try await rig.driver.delete(Requests.delete("v"))
        }
    }
}
