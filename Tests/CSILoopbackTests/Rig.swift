import CSIHost
import CSIPool
import CSIProto
import CSITestKit
import CSITransport
import Glibc
import Logging
import SystemPackage
import Testing

@testable import CSICore
@testable import CSILoopback

/// The machine that a test runs on: the model, or this one.
enum Machine: String, Sendable, CaseIterable, CustomTestStringConvertible {
    case fake
    case linux

    var testDescription: String { rawValue }

    /// Real mounts and loop devices need root in a mount namespace of one's own; `dev/test` runs everything in one.
    static let available: [Machine] = realMountsAreAllowed ? [.fake, .linux] : [.fake]
    static let realMountsAreAllowed = getenv("SWIFT_CSI_TEST_MOUNTS").map { String(cString: $0) } == "1"
}

/// A scratch pool and places for staging and targets, on either machine, cleaned up whatever happens.
final class Rig: Sendable {
    let host: any Host
    let root: FilePath
    let driver: LoopbackDriver

    var pool: FilePath { root.appending("pool") }
    var targets: FilePath { root.appending("pods") }
    var staging: FilePath { root.appending("staging") }

    static let policy = PoolPolicy(reserve: .bytes(0))

    private init(host: any Host, root: FilePath) throws {
        self.host = host
        self.root = root
        self.driver = try Self.driver(host, root)
    }

    /// A model of a machine with a pool on XFS, which can share blocks, or on another file system.
    static func fake(pool type: String = "xfs", bytes: Int64 = 64 << 30) -> FakeHost {
        let fake = FakeHost()
        fake.addFileSystem(at: "/scratch", type: type, bytes: bytes, inodes: 1 << 20)
        for name in ["pool", "pods", "staging"] { fake.addDirectory(FilePath("/scratch").appending(name)) }
        return fake
    }

    static func on(_ fake: FakeHost) async throws -> Rig {
        let rig = try Rig(host: fake, root: "/scratch")
        try await rig.driver.preflight()
        try await rig.driver.start()
        return rig
    }

    /// Runs a test body on a machine.
    static func with(_ machine: Machine, _ body: (Rig) async throws -> Void) async throws {
        switch machine {
        case .fake: try await body(try await on(fake()))
        case .linux:
            var template = Array("/tmp/swift-csi-test.XXXXXX".utf8CString)
            let made = try #require(mkdtemp(&template).map { String(cString: $0) })
            try #require(mount("tmpfs", made, "tmpfs", 0, "size=2g") == 0)
            do {
                for name in ["pool", "pods", "staging"] { try #require(mkdir("\(made)/\(name)", 0o755) == 0) }
                let rig = try Rig(host: LinuxHost(), root: FilePath(made))
                try await rig.driver.preflight()
                try await rig.driver.start()
                try await body(rig)
            } catch {
                await cleanUp(made)
                throw error
            }
            await cleanUp(made)
        }
    }

    /// What a failed test left is still mounted and attached.
    private static func cleanUp(_ made: String) async {
        let host = LinuxHost()
        for path in mountPoints(below: made).reversed() where path != made { umount2(path, Int32(MNT_DETACH)) }
        for device in (try? await host.loops.list()) ?? [] where device.backingPath.hasPrefix(made + "/") {
            _ = try? await host.loops.detach(device, within: .seconds(60))
        }
        umount2(made, Int32(MNT_DETACH))
        rmdir(made)
    }

    /// Another process on the same machine and pool.
    func secondDriver(role: Role) throws -> LoopbackDriver {
        try Self.driver(host, root, role: role)
    }

    static func driver(
        _ host: any Host, _ root: FilePath, role: Role = .all, policy: PoolPolicy = Rig.policy
    ) throws -> LoopbackDriver {
        LoopbackDriver(
            configuration: try LoopbackConfiguration(
                info: PluginInfo(name: "loopback.swift-csi.dev", version: "1"), nodeID: NodeID("node-1"),
                pool: root.appending("pool"), policy: policy),
            role: role, host: host, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    }

    /// A staging path, made as the kubelet makes it.
    func stagingPath(_ name: String) async throws -> FilePath {
        let path = staging.appending(name)
        _ = try await host.files.createMountPoint(
            path, kind: .directory, permissions: FilePermissions(rawValue: 0o755))
        return path
    }

    /// The devices of this rig's pool.
    func devices() async throws -> [LoopDevice] {
        try await host.loops.list().filter { $0.backingPath.hasPrefix(pool.string) }
    }

    func stage(_ id: String, _ use: Use = Use()) async throws {
        try await driver.stage(Requests.stage(id, at: try await stagingPath(id), use))
    }

    func publish(
        _ id: String, _ target: String = "target", _ use: Use = Use(), readOnly: Bool = false
    ) async throws -> FilePath {
        let path = targets.appending(target)
        try await driver.publish(
            Requests.publish(id, at: path, staged: staging.appending(id), use, readOnly: readOnly))
        return path
    }

    func unpublish(_ id: String, _ target: String = "target") async throws {
        try await driver.unpublish(Requests.unpublish(id, at: targets.appending(target)))
    }

    func unstage(_ id: String) async throws {
        try await driver.unstage(Requests.unstage(id, at: staging.appending(id)))
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

/// How a volume is used.
struct Use: Sendable {
    var fileSystem = ""
    var mode = CSIv1.VolumeCapability.AccessMode.Mode.singleNodeWriter
    var flags: [String] = []
    var group = ""
    var isBlock = false

    static let block = Use(isBlock: true)

    var capability: CSIv1.VolumeCapability {
        let access: CSIv1.VolumeCapability.AccessTypeOneOf =
            isBlock
            ? .block(.init())
            : .mount(.init(fsType: fileSystem, mountFlags: flags, volumeMountGroup: group))
        return .init(accessType: access, accessMode: .init(mode: mode))
    }
}

/// Requests, built the way the wire builds them.
enum Requests {
    static let size: Int64 = 64 << 20

    static func create(
        _ name: String, required: Int64 = size, limit: Int64 = 0, _ use: Use = Use(),
        parameters: ProtoMap<String, String> = [:], source: CSIv1.VolumeContentSource? = nil,
        topology: CSIv1.TopologyRequirement? = nil
    ) throws -> CreateVolume {
        try CreateVolume(
            validating: .init(
                name: name, capacityRange: .init(requiredBytes: required, limitBytes: limit),
                volumeCapabilities: [use.capability], parameters: parameters, volumeContentSource: source,
                accessibilityRequirements: topology))
    }

    static func delete(_ id: String) throws -> DeleteVolume { try DeleteVolume(validating: .init(volumeID: id)) }

    static func snapshot(_ name: String, of id: String) throws -> CreateSnapshot {
        try CreateSnapshot(validating: .init(sourceVolumeID: id, name: name))
    }

    static func stage(_ id: String, at path: FilePath, _ use: Use = Use()) throws -> StageVolume {
        try StageVolume(
            validating: .init(volumeID: id, stagingTargetPath: path.string, volumeCapability: use.capability))
    }

    static func unstage(_ id: String, at path: FilePath) throws -> UnstageVolume {
        try UnstageVolume(validating: .init(volumeID: id, stagingTargetPath: path.string))
    }

    static func publish(
        _ id: String, at target: FilePath, staged: FilePath, _ use: Use = Use(), readOnly: Bool = false
    ) throws -> PublishVolume {
        try PublishVolume(
            validating: .init(
                volumeID: id, stagingTargetPath: staged.string, targetPath: target.string,
                volumeCapability: use.capability, readonly: readOnly))
    }

    static func unpublish(_ id: String, at target: FilePath) throws -> UnpublishVolume {
        try UnpublishVolume(validating: .init(volumeID: id, targetPath: target.string))
    }

    static func stats(_ id: String, at path: FilePath) throws -> GetVolumeStats {
        try GetVolumeStats(validating: .init(volumeID: id, volumePath: path.string))
    }

    static func expand(_ id: String, to size: Int64, limit: Int64 = 0) throws -> ExpandVolume {
        try ExpandVolume(
            validating: .init(volumeID: id, capacityRange: .init(requiredBytes: size, limitBytes: limit)))
    }

    static func expandOnNode(_ id: String, at path: FilePath, to size: Int64) throws -> ExpandVolumeOnNode {
        try ExpandVolumeOnNode(
            validating: .init(volumeID: id, volumePath: path.string, capacityRange: .init(requiredBytes: size)))
    }

    static func from(snapshot: String) -> CSIv1.VolumeContentSource {
        .init(type: .snapshot(.init(snapshotID: snapshot)))
    }

    static func from(volume: String) -> CSIv1.VolumeContentSource {
        .init(type: .volume(.init(volumeID: volume)))
    }
}

/// Expects a refusal with a code and words in its message.
func expectRefusal(
    _ code: RPCCode, naming words: String..., sourceLocation: SourceLocation = #_sourceLocation,
    _ body: () async throws -> Void
) async {
    let error = await #expect(throws: CSIError.self, sourceLocation: sourceLocation) { try await body() }
    #expect(error?.code == code, "\(error?.description ?? "")", sourceLocation: sourceLocation)
    for word in words {
        #expect(
            error?.message.contains(word) == true, "\(word) in \(error?.message ?? "")", sourceLocation: sourceLocation)
    }
}
