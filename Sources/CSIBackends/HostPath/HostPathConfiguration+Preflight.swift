public import CSICore
import CSIHost
public import CSIPreflight

extension HostPathConfiguration {
    /// What the backend needs of its machine.
    public func preflight(_ role: Role) -> Preflight {
        let base = role == .controller ? Preflight.files : .mounts
        return base.joined(
            with: Preflight([
                .directory(pool, as: "pool"),
                .capability(.dacOverride, .recommended, for: "removing what pods of any user wrote"),
                .capability(.fileOwner, .recommended, for: "removing what pods of any user wrote"),
            ]))
    }
}
