import CSIProto
import CSITransport

extension ConformanceTrial {
    /// All volumes, over all pages.
    func listVolumes(pageSize: Int32 = 0) async throws -> [CSIv1.Volume] {
        try await listVolumeEntries(pageSize: pageSize).map { $0.volume ?? .init() }
    }

    /// The entries of all volumes, over all pages; a page that is too large or a list without an end is a finding.
    func listVolumeEntries(pageSize: Int32 = 0) async throws -> [CSIv1.ListVolumesResponse.Entry] {
        var entries: [CSIv1.ListVolumesResponse.Entry] = []
        var token = ""
        for _ in 0..<10_000 {
            let page = try await call(
                CSIv1.Controller.listVolumes, .init(maxEntries: pageSize, startingToken: token))
            try expectPage(page.entries.count, of: pageSize, "ListVolumes")
            entries += page.entries
            token = page.nextToken
            if token.isEmpty { return entries }
        }
        throw ConformanceFinding(step: "ListVolumes", expected: "a last page", seen: "10000 pages")
    }

    /// The snapshots that `request` selects, over all pages.
    func listSnapshots(_ request: CSIv1.ListSnapshotsRequest = .init()) async throws -> [CSIv1.Snapshot] {
        var request = request
        request.secrets = secrets
        var snapshots: [CSIv1.Snapshot] = []
        for _ in 0..<10_000 {
            let page = try await call(CSIv1.Controller.listSnapshots, request)
            try expectPage(page.entries.count, of: request.maxEntries, "ListSnapshots")
            snapshots += page.entries.map { $0.snapshot ?? .init() }
            request.startingToken = page.nextToken
            if page.nextToken.isEmpty { return snapshots }
        }
        throw ConformanceFinding(step: "ListSnapshots", expected: "a last page", seen: "10000 pages")
    }

    private func expectPage(_ count: Int, of size: Int32, _ step: String) throws {
        try expect(
            size == 0 || count <= Int(size), step, "at most \(size) entries in a page", saw: "\(count)")
    }
}
