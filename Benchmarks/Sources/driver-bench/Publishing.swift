import CSIProto
import CSITransport

/// Publishes a volume read-only and takes it away again, over and over.
struct Publishing {
    let controller: String
    let node: String
    let directory: String

    /// Microseconds of a publish and of an unpublish.
    func medians(times: Int) async throws -> (publish: Int, unpublish: Int) {
        let maker = try await RPCClient.connect(to: Endpoint(parsing: "unix://\(controller)"))
        defer { maker.close() }
        let made = try await maker.unary(CSIv1.Controller.createVolume, Calls.request(name: "bench-publish"))
        let volume = made.volume ?? CSIv1.Volume()
        let client = try await RPCClient.connect(to: Endpoint(parsing: "unix://\(node)"))
        defer { client.close() }
        let target = "\(directory)/target"
        let publish = CSIv1.NodePublishVolumeRequest(
            volumeID: volume.volumeID, targetPath: target,
            volumeCapability: Calls.capability(.singleNodeWriter), readonly: true,
            volumeContext: volume.volumeContext)
        let unpublish = CSIv1.NodeUnpublishVolumeRequest(volumeID: volume.volumeID, targetPath: target)
        var published: [Duration] = []
        var unpublished: [Duration] = []
        let clock = ContinuousClock()
        for _ in 0..<times {
            let started = clock.now
            _ = try await client.unary(CSIv1.Node.nodePublishVolume, publish)
            let between = clock.now
            _ = try await client.unary(CSIv1.Node.nodeUnpublishVolume, unpublish)
            published.append(between - started)
            unpublished.append(clock.now - between)
        }
        return (median(published), median(unpublished))
    }

    private func median(_ durations: [Duration]) -> Int {
        guard !durations.isEmpty else { return 0 }
        return Int(durations.sorted()[durations.count / 2] / .microseconds(1))
    }
}
