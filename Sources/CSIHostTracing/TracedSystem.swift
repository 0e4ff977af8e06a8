import CSIHost
import SystemPackage

/// What a machine offers, with a span around each question.
struct TracedSystem: SystemInspection {
    let base: any SystemInspection
    let tracing: HostTracing

    func support(for feature: KernelFeature) async throws(HostError) -> FeatureSupport {
        try await tracing.span(.inspectSystem) { () async throws(HostError) in try await base.support(for: feature) }
    }

    func capabilities() async throws(HostError) -> Set<ProcessCapability> {
        try await tracing.span(.inspectSystem) { () async throws(HostError) in try await base.capabilities() }
    }

    func hasProgram(_ name: String) async throws(HostError) -> Bool {
        try await tracing.span(.inspectSystem, program: name) { () async throws(HostError) in
            try await base.hasProgram(name)
        }
    }

    func fileSystemTypes() async throws(HostError) -> Set<String> {
        try await tracing.span(.inspectSystem) { () async throws(HostError) in try await base.fileSystemTypes() }
    }

    func requireDevice(_ path: FilePath) async throws(HostError) {
        try await tracing.span(.inspectSystem, path) { () async throws(HostError) in try await base.requireDevice(path)
        }
    }
}
