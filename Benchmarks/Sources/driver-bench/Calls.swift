import CSIProto
import CSITransport

/// Calls over one connection, so many at a time.
struct Calls {
    let path: String

    /// Calls per second.
    func rate(of method: String, calls: Int, concurrent: Int) async throws -> Double {
        let client = try await RPCClient.connect(to: Endpoint(parsing: "unix://\(path)"))
        defer { client.close() }
        let clock = ContinuousClock()
        let started = clock.now
        try await withThrowingTaskGroup(of: Void.self) { group in
            for worker in 0..<concurrent {
                group.addTask {
                    for call in stride(from: worker, to: calls, by: concurrent) {
                        try await one(method, number: call, batch: concurrent, client)
                    }
                }
            }
            try await group.waitForAll()
        }
        let spent = (clock.now - started) / .seconds(1)
        return Double(calls) / spent
    }

    private func one(_ method: String, number: Int, batch: Int, _ client: RPCClient) async throws {
        switch method {
        case "probe": _ = try await client.unary(CSIv1.Identity.probe, CSIv1.ProbeRequest())
        case "create":
            _ = try await client.unary(CSIv1.Controller.createVolume, Self.request(name: "bench-\(batch)-\(number)"))
        case "delete":
            _ = try await client.unary(
                CSIv1.Controller.deleteVolume, .init(volumeID: "bench-\(batch)-\(number)"))
        case "delete-snapshot":
            _ = try await client.unary(CSIv1.Controller.deleteSnapshot, .init(snapshotID: "bench-s-\(number)"))
        default: throw Usage()
        }
    }

    /// Microseconds until a snapshot of the volume that one "create" makes is ready.
    func snapshotTime() async throws -> Int {
        let client = try await RPCClient.connect(to: Endpoint(parsing: "unix://\(path)"))
        defer { client.close() }
        let clock = ContinuousClock()
        let request = CSIv1.CreateSnapshotRequest(sourceVolumeID: "bench-1-0", name: "bench-s-0")
        let started = clock.now
        while try await client.unary(CSIv1.Controller.createSnapshot, request).snapshot?.readyToUse != true {}
        return Int((clock.now - started) / .microseconds(1))
    }

    /// Microseconds of the first page of a list, the median of so many.
    func listMedian(times: Int, page: Int32) async throws -> Int {
        let client = try await RPCClient.connect(to: Endpoint(parsing: "unix://\(path)"))
        defer { client.close() }
        let clock = ContinuousClock()
        var spent: [Duration] = []
        for _ in 0..<times {
            let started = clock.now
            _ = try await client.unary(CSIv1.Controller.listVolumes, .init(maxEntries: page))
            spent.append(clock.now - started)
        }
        return Int(spent.sorted()[times / 2] / .microseconds(1))
    }

    /// A volume that any backend can make.
    static func request(name: String) -> CSIv1.CreateVolumeRequest {
        CSIv1.CreateVolumeRequest(
            name: name, capacityRange: .init(requiredBytes: 1 << 20),
            volumeCapabilities: [capability(.singleNodeWriter)])
    }

    static func capability(_ mode: CSIv1.VolumeCapability.AccessMode.Mode) -> CSIv1.VolumeCapability {
        CSIv1.VolumeCapability(accessType: .mount(.init()), accessMode: .init(mode: mode))
    }
}
