import CSIHost
import SystemPackage

/// The mounts of a fake host.
struct FakeMounts: MountControl {
    let host: FakeHost

    func mountTable() async throws(HostError) -> MountTable {
        try await host.perform(FakeCall(operation: .mountTable, path: "/proc/self/mountinfo")) { $0.mountTable() }
    }

    func mountTable(of selection: MountSelection) async throws(HostError) -> MountTable {
        // So tests tell it from a look at the whole table.
        let path = selection.paths.first ?? selection.sources.first ?? "/"
        return try await host.perform(FakeCall(operation: .mountTable, path: path)) {
            $0.mountTable().selecting(selection)
        }
    }

    func bindMount(
        source: FilePath, at target: FilePath, options: BindOptions
    ) async throws(HostError) -> MountEntry {
        let source = try PathRule.absolute(source, .bindMount)
        let target = try PathRule.absoluteBelowRoot(target, .bindMount)
        let call = FakeCall(operation: .bindMount, path: source)
        return try await host.perform(call, to: target) { (world) throws(HostError) in
            try world.bind(source, at: target, options: options)
        }
    }

    func unmount(_ target: FilePath, policy: UnmountPolicy) async throws(HostError) -> UnmountOutcome {
        let target = try PathRule.absoluteBelowRoot(target, .unmount)
        let call = FakeCall(operation: .unmount, path: target)
        return try await host.perform(
            call, within: policy.deadline,
            hung: { (world) throws(HostError) in try world.unmountHung(target, policy: policy) },
            { (world) throws(HostError) in try world.unmount(target, policy: policy) })
    }
}
