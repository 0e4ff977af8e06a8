import CSIHost
import CSIPool
import CSIProto
import CSITestKit
import Glibc
import Logging
import SystemPackage
import Testing

@testable import CSICore
@testable import CSIHostPath

/// The machine that a test runs on: the model, or this one.
enum Machine: String, Sendable, CaseIterable, CustomTestStringConvertible {
    case fake
    case linux

    var testDescription: String { rawValue }

    /// Real mounts need root in a mount namespace of one's own; `dev/test` runs everything in one.
    static let available: [Machine] = realMountsAreAllowed ? [.fake, .linux] : [.fake]
    static let realMountsAreAllowed = getenv("SWIFT_CSI_TEST_MOUNTS").map { String(cString: $0) } == "1"
}

/// A scratch pool and a place for targets, on either machine, that is cleaned up whatever happens.
final class Rig: Sendable {
    let host: any Host
    let fake: FakeHost?
    let root: FilePath
    let driver: HostPathDriver

    var pool: FilePath { root.appending("pool") }
    var targets: FilePath { root.appending("pods") }

    private init(host: any Host, fake: FakeHost?, root: FilePath, driver: HostPathDriver? = nil) throws {
        self.host = host
        self.fake = fake
        self.root = root
        self.driver = try driver ?? Self.driver(host, root)
    }

    /// A model whose pools lie on a file system that holds sizes, and a driver on it.
    static func withQuotas(
        _ type: String = "ext4", _ enforcement: QuotaSupport.Enforcement = .enforcing,
        pools: [HostPathConfiguration.Pool] = [.init(path: "/scratch/pool")], requiresQuota: Bool = false,
        policy: PoolPolicy = PoolPolicy(), _ body: (Rig, FakeHost) async throws -> Void
    ) async throws {
        let fake = FakeHost()
        fake.addFileSystem(at: "/scratch", type: type, bytes: 1 << 30, inodes: 1 << 20)
        fake.setQuotas(enforcement, fileSystemOf: "/scratch")
        for pool in pools { fake.addDirectory(pool.path) }
        fake.addDirectory("/scratch/pods")
        let rig = try Rig(
            host: fake, fake: fake, root: "/scratch",
            driver: driver(fake, pools: pools, requiresQuota: requiresQuota, policy: policy))
        try await rig.driver.preflight()
        try await rig.driver.start()
        try await body(rig, fake)
    }

    static func driver(
        _ host: any Host, pools: [HostPathConfiguration.Pool], requiresQuota: Bool = false,
        policy: PoolPolicy = PoolPolicy(), role: Role = .all
    ) throws -> HostPathDriver {
        let configuration = try HostPathConfiguration(
            info: PluginInfo(name: "hostpath.swift-csi.dev", version: "1"), nodeID: NodeID("node-1"), pools: pools,
            policy: policy, requiresQuota: requiresQuota)
        return HostPathDriver(
            configuration: configuration, role: role, host: host,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    }

    /// Runs a test body on a machine.
    static func with(_ machine: Machine, _ body: (Rig) async throws -> Void) async throws {
        switch machine {
        case .fake:
            let fake = FakeHost()
            fake.addFileSystem(at: "/scratch", bytes: 1 << 30, inodes: 1 << 20)
            fake.addDirectory("/scratch/pool")
            fake.addDirectory("/scratch/pods")
            let rig = try Rig(host: fake, fake: fake, root: "/scratch")
            try await rig.driver.preflight()
            try await rig.driver.start()
            try await body(rig)
        case .linux:
            var template = Array("/tmp/swift-csi-test.XXXXXX".utf8CString)
            let made = try #require(mkdtemp(&template).map { String(cString: $0) })
            defer {
                // Targets of a failed test are still mounted; the whole tree goes lazily.
                for path in mountPoints(below: made).reversed() { umount2(path, Int32(MNT_DETACH)) }
                rmdir(made)
            }
            try #require(mount("tmpfs", made, "tmpfs", 0, "size=64m") == 0)
            try #require(mkdir(made + "/pool", 0o700) == 0 && mkdir(made + "/pods", 0o755) == 0)
            let rig = try Rig(host: LinuxHost(), fake: nil, root: FilePath(made))
            try await rig.driver.preflight()
            try await rig.driver.start()
            try await body(rig)
        }
    }

    /// Another process on the same machine and pool.
    func secondDriver(role: Role) throws -> HostPathDriver {
        try Self.driver(host, root, role: role)
    }

    private static func driver(_ host: any Host, _ root: FilePath, role: Role = .all) throws -> HostPathDriver {
        let configuration = try HostPathConfiguration(
            info: PluginInfo(name: "hostpath.swift-csi.dev", version: "1"), nodeID: NodeID("node-1"),
            pool: root.appending("pool"))
        return HostPathDriver(
            configuration: configuration, role: role, host: host,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    }

    private static func mountPoints(below path: String) -> [String] {
        guard let file = fopen("/proc/self/mountinfo", "r") else { return [] }
        defer { fclose(file) }
        var points: [String] = []
        var line: UnsafeMutablePointer<CChar>?
        var size = 0
        while getline(&line, &size, file) > 0, let text = line {
            let fields = String(cString: text).split(separator: " ")
            if fields.count > 4, fields[4] == path || fields[4].hasPrefix(path + "/") {
                points.append(String(fields[4]))
            }
        }
        free(line)
        return points
    }
}

/// Requests, built the way the wire builds them.
enum Requests {
    static func create(
        _ name: String, required: Int64 = 1 << 20, limit: Int64 = 0,
        mode: CSIv1.VolumeCapability.AccessMode.Mode = .singleNodeWriter, flags: [String] = [],
        parameters: ProtoMap<String, String> = [:], mutable: ProtoMap<String, String> = [:],
        topology: CSIv1.TopologyRequirement? = nil
    ) throws -> CreateVolume {
        try CreateVolume(
            validating: .init(
                name: name, capacityRange: .init(requiredBytes: required, limitBytes: limit),
                volumeCapabilities: [capability(mode: mode, flags: flags)], parameters: parameters,
                accessibilityRequirements: topology, mutableParameters: mutable))
    }

    static func expand(_ id: String, to required: Int64, limit: Int64 = 0) throws -> ExpandVolume {
        try ExpandVolume(
            validating: .init(volumeID: id, capacityRange: .init(requiredBytes: required, limitBytes: limit)))
    }

    static func expandOnNode(_ id: String, at path: FilePath, to required: Int64) throws -> ExpandVolumeOnNode {
        try ExpandVolumeOnNode(
            validating: .init(
                volumeID: id, volumePath: path.string, capacityRange: .init(requiredBytes: required)))
    }

    static func modify(_ id: String, _ parameters: ProtoMap<String, String>) throws -> ModifyVolume {
        try ModifyVolume(validating: .init(volumeID: id, mutableParameters: parameters))
    }

    static func read(_ id: String) throws -> GetVolume { try GetVolume(validating: .init(volumeID: id)) }

    static func delete(_ id: String) throws -> DeleteVolume { try DeleteVolume(validating: .init(volumeID: id)) }

    static func publish(
        _ id: String, at target: FilePath, readOnly: Bool = false, flags: [String] = [],
        mode: CSIv1.VolumeCapability.AccessMode.Mode = .singleNodeWriter
    ) throws -> PublishVolume {
        try PublishVolume(
            validating: .init(
                volumeID: id, targetPath: target.string, volumeCapability: capability(mode: mode, flags: flags),
                readonly: readOnly))
    }

    static func unpublish(_ id: String, at target: FilePath) throws -> UnpublishVolume {
        try UnpublishVolume(validating: .init(volumeID: id, targetPath: target.string))
    }

    static func stats(_ id: String, at path: FilePath) throws -> GetVolumeStats {
        try GetVolumeStats(validating: .init(volumeID: id, volumePath: path.string))
    }

    private static func capability(
        mode: CSIv1.VolumeCapability.AccessMode.Mode, flags: [String]
    ) -> CSIv1.VolumeCapability {
        .init(accessType: .mount(.init(mountFlags: flags)), accessMode: .init(mode: mode))
    }
}
