public import CSIHost
public import SystemPackage

/// What a fake host offers to the process; everything, unless a test takes something away.
public struct FakeMachine: Sendable {
    /// Features of the kernel that are not available.
    public var features: [KernelFeature: FeatureSupport] = [:]

    /// The effective capabilities.
    public var capabilities = Set(ProcessCapability.allCases)

    /// Programs that are not installed.
    public var missingPrograms: Set<String> = []

    /// The types of file systems that the kernel knows.
    public var fileSystemTypes: Set<String> = ["btrfs", "ext3", "ext4", "nfs", "nfs4", "proc", "sysfs", "tmpfs", "xfs"]

    /// Devices that cannot be opened, and why not.
    public var closedDevices: [FilePath: HostError.Kind] = [:]
}

extension FakeHost {
    /// Changes what the host offers to the process.
    public func changeMachine(_ change: @Sendable (inout FakeMachine) -> Void) {
        try? inspect { (state) throws(HostError) in change(&state.world.machine) }
    }
}

/// The system of a fake host.
struct FakeSystem: SystemInspection {
    let host: FakeHost

    func support(for feature: KernelFeature) async throws(HostError) -> FeatureSupport {
        try await host.perform(FakeCall(operation: .inspectSystem, path: "/")) {
            $0.machine.features[feature] ?? .available
        }
    }

    func capabilities() async throws(HostError) -> Set<ProcessCapability> {
        try await host.perform(FakeCall(operation: .inspectSystem, path: "/proc/self/status")) {
            $0.machine.capabilities
        }
    }

    func hasProgram(_ name: String) async throws(HostError) -> Bool {
        try await host.perform(FakeCall(operation: .inspectSystem, path: FilePath("/usr/sbin").appending(name))) {
            !$0.machine.missingPrograms.contains(name)
        }
    }

    func fileSystemTypes() async throws(HostError) -> Set<String> {
        try await host.perform(FakeCall(operation: .inspectSystem, path: "/proc/filesystems")) {
            $0.machine.fileSystemTypes
        }
    }

    func requireDevice(_ path: FilePath) async throws(HostError) {
        let call = FakeCall(operation: .inspectSystem, path: path)
        try await host.perform(call) { (world) throws(HostError) in
            guard let kind = world.machine.closedDevices[path] else { return }
            throw call.failure(kind: kind)
        }
    }
}
