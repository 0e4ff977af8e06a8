public import CSICore
import CSIHost
public import CSIPreflight

extension HostPathConfiguration {
    /// What the backend needs of its machine.
    public func preflight(_ role: Role) -> Preflight {
        let base = role == .controller ? Preflight.files : .mounts
        return base.joined(
            with: Preflight(pools.map { .directory($0.path, as: $0.name.map { "pool.\($0)" } ?? "pool") })
        ).joined(
            with: Preflight([
                .capability(.dacOverride, .recommended, for: "removing what pods of any user wrote"),
                .capability(.fileOwner, .recommended, for: "removing what pods of any user wrote"),
            ])
        ).joined(
            // Raw block volumes alone need them.
            with: Preflight(role == .controller ? [] : [.loopDevices.with(.recommended)]))
    }
}
