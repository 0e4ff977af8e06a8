import CSIHost
import SystemPackage

extension FakeDirectoryTree {
    func quotaSupport() async throws(HostError) -> QuotaSupport {
        let call = FakeCall(operation: .readQuota, path: path)
        return try await host.perform(call, by: process) { [position] (world) throws(HostError) in
            world.quotaSupport(at: position)
        }
    }

    func freeProject(in range: ClosedRange<UInt32>, from start: UInt32) async throws(HostError) -> UInt32 {
        let call = FakeCall(operation: .findProject, path: path)
        return try await host.perform(call, by: process) { [position] (world) throws(HostError) in
            try world.freeProject(in: range, from: start, at: position, call)
        }
    }

    func setProject(_ project: UInt32, of path: FilePath) async throws(HostError) {
        let (path, call) = try place(path, allowEmpty: true, .setProject)
        try await host.perform(call, by: process) { [position] (world) throws(HostError) in
            try world.setProject(project, of: path, from: position, call)
        }
    }

    func setQuota(_ limits: QuotaLimits, of path: FilePath) async throws(HostError) {
        let (path, call) = try place(path, allowEmpty: true, .setQuota)
        try await host.perform(call, by: process) { [position] (world) throws(HostError) in
            try world.setQuota(limits, of: path, from: position, call)
        }
    }

    func quota(of path: FilePath) async throws(HostError) -> TreeQuota? {
        let (path, call) = try place(path, allowEmpty: true, .readQuota)
        return try await host.perform(call, by: process) { [position] (world) throws(HostError) in
            do throws(HostError) {
                return world.quota(of: try world.walk(path, from: position, call).node)
            } catch  where error.kind == .notFound || error.kind == .notDirectory {
                return nil
            }
        }
    }
}
