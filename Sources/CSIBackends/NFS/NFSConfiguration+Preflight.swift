public import CSICore
public import CSIHost
public import CSIPreflight

extension NFSConfiguration {
    /// What the backend needs of its machine.
    /// - Parameters:
    ///   - role: The controller mounts shares to work in them, too.
    ///   - helper: Whether mount.nfs is used.
    public func preflight(_ role: Role, helper: MountHelperUse) -> Preflight {
        var checks: [PreflightCheck] = []
        if role != .controller { checks.append(.kernel(.fsmount)) }
        if helper == .always { checks.append(.program("mount.nfs", from: "nfs-common", for: "every mount")) }
        checks.append(.program("tar", from: "tar", for: "snapshots that csi-driver-nfs has taken"))
        return Preflight.mounts.joined(with: Preflight(checks))
    }
}
