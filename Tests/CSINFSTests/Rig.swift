import CSIHost
import CSIProto
import CSITestKit
import CSITransport
import Logging
import SystemPackage
import Testing

@testable import CSICore
@testable import CSINFS

/// A model of a machine that reaches two NFS servers.
struct Rig: Sendable {
    static let parameters: ProtoMap<String, String> = ["server": "nfs.example", "share": "/export"]
    static let size: Int64 = 1 << 30

    let fake: FakeHost
    let driver: NFSDriver

    /// Where the tests see the export `nfs.example:/export`.
    let export: FilePath = "/servers/one"
    let staging: FilePath = "/scratch/staging"
    let pods: FilePath = "/scratch/pods"

    init(_ change: (inout NFSConfiguration) -> Void = { _ in }) throws {
        fake = try Self.host()
        driver = try Self.driver(fake, change)
    }

    static func location(_ path: FilePath = "/export", on server: String = "nfs.example") throws -> NFSLocation {
        try NFSLocation(server: server, path: path)
    }

    static func host() throws -> FakeHost {
        let fake = FakeHost()
        fake.addDirectory("/scratch/staging/v")
        fake.addDirectory("/scratch/pods")
        fake.addExport(try location(), at: "/servers/one")
        fake.addExport(try location("/squashed"), at: "/servers/squashed", squashesRoot: true)
        fake.addExport(try location(on: "other.example"), at: "/servers/two")
        return fake
    }

    static func driver(_ host: FakeHost, _ change: (inout NFSConfiguration) -> Void = { _ in }) throws -> NFSDriver {
        var configuration = NFSConfiguration(
            info: try PluginInfo(name: "nfs.swift-csi.dev", version: "1"), nodeID: try NodeID("node-1"))
        change(&configuration)
        return NFSDriver(
            configuration: configuration, host: host, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    }

    // MARK: Requests

    static func capability(
        _ flags: [String] = [], group: String = "", mode: CSIv1.VolumeCapability.AccessMode.Mode = .multiNodeMultiWriter
    ) -> CSIv1.VolumeCapability {
        .init(
            accessType: .mount(.init(mountFlags: flags, volumeMountGroup: group)), accessMode: .init(mode: mode))
    }

    @discardableResult
    func create(
        _ name: String, _ parameters: ProtoMap<String, String> = Rig.parameters, flags: [String] = [],
        mutable: ProtoMap<String, String> = [:], required: Int64 = Rig.size
    ) async throws -> Volume {
        try await driver.create(
            try CreateVolume(
                validating: .init(
                    name: name, capacityRange: .init(requiredBytes: required),
                    volumeCapabilities: [Self.capability(flags)], parameters: parameters, mutableParameters: mutable)))
    }

    func request(_ name: String, from source: CSIv1.VolumeContentSource) throws -> CreateVolume {
        try CreateVolume(
            validating: .init(
                name: name, volumeCapabilities: [Self.capability()], parameters: Self.parameters,
                volumeContentSource: source))
    }

    func clone(_ name: String, of id: VolumeID) async throws -> Volume {
        try await driver.clone(
            try request(name, from: .init(type: .volume(.init(volumeID: id.rawValue)))), from: id)
    }

    func restore(_ name: String, from id: SnapshotID) async throws -> Volume {
        try await driver.restore(
            try request(name, from: .init(type: .snapshot(.init(snapshotID: id.rawValue)))), from: id)
    }

    func delete(_ id: String) async throws {
        try await driver.delete(try DeleteVolume(validating: .init(volumeID: id)))
    }

    func snapshot(_ name: String, of id: VolumeID) async throws -> Snapshot {
        try await driver.createSnapshot(try CreateSnapshot(validating: .init(sourceVolumeID: id.rawValue, name: name)))
    }

    func stage(_ volume: Volume, _ capability: CSIv1.VolumeCapability = Rig.capability()) async throws {
        try await driver.stage(
            try StageVolume(
                validating: .init(
                    volumeID: volume.id.rawValue, stagingTargetPath: "\(staging)/v", volumeCapability: capability,
                    volumeContext: Self.wire(volume.context))))
    }

    func publish(
        _ volume: Volume, _ target: String = "pod", readOnly: Bool = false,
        _ capability: CSIv1.VolumeCapability = Rig.capability()
    ) async throws {
        try await driver.publish(
            try PublishVolume(
                validating: .init(
                    volumeID: volume.id.rawValue, stagingTargetPath: "\(staging)/v", targetPath: "\(pods)/\(target)",
                    volumeCapability: capability, readonly: readOnly, volumeContext: Self.wire(volume.context))))
    }

    func unpublish(_ volume: Volume, _ target: String = "pod") async throws {
        try await driver.unpublish(
            try UnpublishVolume(validating: .init(volumeID: volume.id.rawValue, targetPath: "\(pods)/\(target)")))
    }

    func unstage(_ volume: Volume) async throws {
        try await driver.unstage(
            try UnstageVolume(validating: .init(volumeID: volume.id.rawValue, stagingTargetPath: "\(staging)/v")))
    }

    func stats(_ volume: Volume, at target: String = "pod") async throws -> VolumeStats {
        try await driver.stats(
            try GetVolumeStats(validating: .init(volumeID: volume.id.rawValue, volumePath: "\(pods)/\(target)")))
    }

    private static func wire(_ map: StringMap) -> ProtoMap<String, String> {
        var wire = ProtoMap<String, String>()
        for (key, value) in map.sorted { wire[key] = value }
        return wire
    }

    /// The names in the export, without the driver's own.
    var names: [String] {
        fake.paths(below: export).dropFirst().map { String($0.string.dropFirst(export.string.utf8.count + 1)) }
            .filter { !$0.hasPrefix(".swift-csi") }
    }

    func mounted(at path: FilePath) -> MountEntry? { fake.mountTable.topmost(at: path) }
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
