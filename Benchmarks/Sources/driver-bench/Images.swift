import CSIProto
import CSITransport
import Glibc

/// Volumes with a file system of their own.
struct Images {
    let controller: String

    private static let capability = CSIv1.VolumeCapability(
        accessType: .mount(.init(fsType: "xfs")), accessMode: .init(mode: .singleNodeWriter))

    private func request(_ name: String, _ bytes: Int64, _ type: String) -> CSIv1.CreateVolumeRequest {
        .init(
            name: name, capacityRange: .init(requiredBytes: bytes),
            volumeCapabilities: [
                .init(accessType: .mount(.init(fsType: type)), accessMode: .init(mode: .singleNodeWriter))
            ])
    }

    /// The id of a new volume.
    func make(_ name: String, _ bytes: Int64, _ type: String) async throws -> String {
        let client = try await RPCClient.connect(to: Endpoint(parsing: "unix://\(controller)"))
        defer { client.close() }
        return try await client.unary(CSIv1.Controller.createVolume, request(name, bytes, type)).volume?.volumeID ?? ""
    }

    /// Microseconds of a snapshot.
    func snapshotMedian(of volume: String, times: Int) async throws -> Int {
        let client = try await RPCClient.connect(to: Endpoint(parsing: "unix://\(controller)"))
        defer { client.close() }
        var spent: [Duration] = []
        for number in 0..<times {
            let started = ContinuousClock.now
            let made = try await client.unary(
                CSIv1.Controller.createSnapshot, .init(sourceVolumeID: volume, name: "bench-\(number)"))
            spent.append(ContinuousClock.now - started)
            _ = try await client.unary(
                CSIv1.Controller.deleteSnapshot, .init(snapshotID: made.snapshot?.snapshotID ?? ""))
        }
        return Int(spent.sorted()[times / 2] / .microseconds(1))
    }

    /// Microseconds of publish, stats and unpublish of a volume that stays staged.
    func nodeMedians(_ node: String, _ directory: String, times: Int) async throws -> [Int] {
        let volume = try await make("node-calls", 1 << 30, "xfs")
        let client = try await RPCClient.connect(to: Endpoint(parsing: "unix://\(node)"))
        defer { client.close() }
        try await stage(client, directory, volume)
        var spent: [[Duration]] = [[], [], []]
        for _ in 0..<times {
            let started = ContinuousClock.now
            try await publish(client, directory, volume)
            let published = ContinuousClock.now
            _ = try await client.unary(
                CSIv1.Node.nodeGetVolumeStats, .init(volumeID: volume, volumePath: "\(directory)/target-\(volume)"))
            let asked = ContinuousClock.now
            try await unpublish(client, directory, volume)
            spent[0].append(published - started)
            spent[1].append(asked - published)
            spent[2].append(ContinuousClock.now - asked)
        }
        try await unstage(client, directory, volume)
        return spent.map { Int($0.sorted()[times / 2] / .microseconds(1)) }
    }

    /// Microseconds of a volume's life, and of its six calls.
    func lifeMedians(_ node: String, _ directory: String, times: Int) async throws -> [Int] {
        let maker = try await RPCClient.connect(to: Endpoint(parsing: "unix://\(controller)"))
        defer { maker.close() }
        let user = try await RPCClient.connect(to: Endpoint(parsing: "unix://\(node)"))
        defer { user.close() }
        var spent: [[Duration]] = Array(repeating: [], count: 7)
        for number in 0..<times {
            var moments = [ContinuousClock.now]
            let made = try await maker.unary(
                CSIv1.Controller.createVolume, request("life-\(number)", 1 << 30, "xfs"))
            let id = made.volume?.volumeID ?? ""
            moments.append(.now)
            for call in [stage, publish, unpublish, unstage] {
                try await call(user, directory, id)
                moments.append(.now)
            }
            _ = try await maker.unary(CSIv1.Controller.deleteVolume, .init(volumeID: id))
            moments.append(.now)
            spent[0].append(moments[6] - moments[0])
            for call in 1...6 { spent[call].append(moments[call] - moments[call - 1]) }
        }
        return spent.map { Int($0.sorted()[times / 2] / .microseconds(1)) }
    }

    private func stage(_ client: RPCClient, _ directory: String, _ volume: String) async throws {
        mkdir("\(directory)/staging-\(volume)", 0o755)
        _ = try await client.unary(
            CSIv1.Node.nodeStageVolume,
            .init(
                volumeID: volume, stagingTargetPath: "\(directory)/staging-\(volume)", volumeCapability: Self.capability
            ))
    }

    private func publish(_ client: RPCClient, _ directory: String, _ volume: String) async throws {
        _ = try await client.unary(
            CSIv1.Node.nodePublishVolume,
            .init(
                volumeID: volume, stagingTargetPath: "\(directory)/staging-\(volume)",
                targetPath: "\(directory)/target-\(volume)", volumeCapability: Self.capability))
    }

    private func unpublish(_ client: RPCClient, _ directory: String, _ volume: String) async throws {
        _ = try await client.unary(
            CSIv1.Node.nodeUnpublishVolume, .init(volumeID: volume, targetPath: "\(directory)/target-\(volume)"))
    }

    private func unstage(_ client: RPCClient, _ directory: String, _ volume: String) async throws {
        _ = try await client.unary(
            CSIv1.Node.nodeUnstageVolume, .init(volumeID: volume, stagingTargetPath: "\(directory)/staging-\(volume)"))
        rmdir("\(directory)/staging-\(volume)")
    }
}
