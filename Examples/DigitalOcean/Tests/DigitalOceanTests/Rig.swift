import CSICore
import CSIHost
import CSIProto
import CSITestKit
import CSITransport
import FakeDigitalOcean
import Logging
import SystemPackage

@testable import DigitalOcean

/// Two modelled droplets, the cloud that they belong to, and a driver on the first.
struct Rig: Sendable {
    static let staging = "/pods/staging"
    static let target = "/pods/target"

    let host: FakeHost
    let other: FakeHost
    let machines: HostMachines
    let cloud: FakeCloud
    let driver: DigitalOceanDriver
    let client: LocalDriver

    init(dropletLimit: Int = 15, volumeLimit: Int = 1000) async throws {
        let (host, other) = (Self.machine(), Self.machine())
        let machines = HostMachines([1: host, 2: other])
        let cloud = FakeCloud(
            dropletLimit: dropletLimit, volumeLimit: volumeLimit, machines: machines, now: { host.manualClock.now })
        self.host = host
        self.other = other
        self.machines = machines
        self.cloud = cloud
        driver = try Self.driver(on: host, FakeTransport(cloud: cloud), limit: dropletLimit)
        client = LocalDriver(driver)
        try await client.start()
    }

    static func machine() -> FakeHost {
        let host = FakeHost()
        host.manualClock.isAutomatic = true
        host.addDirectory("/run")
        host.addDirectory(FilePath(staging))
        return host
    }

    static func driver(
        on host: FakeHost, _ transport: any APITransport, node: String = "1", limit: Int = 15
    ) throws -> DigitalOceanDriver {
        try DigitalOceanDriver(
            nodeID: NodeID(node), region: "nyc1", dropletLimit: Int64(limit), transport: transport,
            policy: RetryPolicy(random: { 0.5 }), notes: "/run/dobs-csi", deviceLimit: .seconds(60), host: host,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    }

    // MARK: Calls

    static func capability(
        block: Bool = false, mode: CSIv1.VolumeCapability.AccessMode.Mode = .singleNodeWriter, type: String = ""
    ) -> CSIv1.VolumeCapability {
        .init(accessType: block ? .block(.init()) : .mount(.init(fsType: type)), accessMode: .init(mode: mode))
    }

    @discardableResult
    func create(
        _ name: String, gibibytes: Int64 = 1, from source: CSIv1.VolumeContentSource? = nil
    ) async throws(RPCError) -> CSIv1.Volume {
        let reply = try await client.call(
            CSIv1.Controller.createVolume,
            .init(
                name: name, capacityRange: .init(requiredBytes: gibibytes << 30),
                volumeCapabilities: [Self.capability()],
                volumeContentSource: source))
        return reply.volume ?? .init()
    }

    @discardableResult
    func attach(_ id: String, to node: String = "1") async throws(RPCError) -> ProtoMap<String, String> {
        try await client.call(
            CSIv1.Controller.controllerPublishVolume,
            .init(volumeID: id, nodeID: node, volumeCapability: Self.capability())
        ).publishContext
    }

    func detach(_ id: String, from node: String = "1") async throws(RPCError) {
        _ = try await client.call(
            CSIv1.Controller.controllerUnpublishVolume, .init(volumeID: id, nodeID: node))
    }

    func stage(
        _ volume: CSIv1.Volume, _ context: ProtoMap<String, String>, on client: LocalDriver? = nil
    ) async throws(RPCError) {
        _ = try await (client ?? self.client).call(
            CSIv1.Node.nodeStageVolume,
            .init(
                volumeID: volume.volumeID, publishContext: context, stagingTargetPath: Self.staging,
                volumeCapability: Self.capability(), volumeContext: volume.volumeContext))
    }

    func publish(
        _ volume: CSIv1.Volume, _ context: ProtoMap<String, String>, on client: LocalDriver? = nil
    ) async throws(RPCError) {
        _ = try await (client ?? self.client).call(
            CSIv1.Node.nodePublishVolume,
            .init(
                volumeID: volume.volumeID, publishContext: context, stagingTargetPath: Self.staging,
                targetPath: Self.target, volumeCapability: Self.capability(), volumeContext: volume.volumeContext))
    }

    func release(_ id: String, on client: LocalDriver? = nil) async throws(RPCError) {
        let client = client ?? self.client
        _ = try await client.call(CSIv1.Node.nodeUnpublishVolume, .init(volumeID: id, targetPath: Self.target))
        _ = try await client.call(CSIv1.Node.nodeUnstageVolume, .init(volumeID: id, stagingTargetPath: Self.staging))
    }

    /// How many requests of the API began so.
    func count(_ prefix: String) -> Int { cloud.requests.count { $0.hasPrefix(prefix) } }
}
