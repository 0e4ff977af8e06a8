import CSICore
import CSIHost
import CSIHostPath
import CSILoopback
import CSINFS
import CSIPool
import CSIPreflight
import SystemPackage

/// What the programs and csictl have to know of a backend's settings: the one place that tells backends apart after their
/// settings have been read.
struct BackendTraits {
    /// A directory of this node that holds volumes.
    struct Pool {
        /// What classes call it; `default` where they need no name.
        let name: String
        let path: FilePath

        /// What a preflight calls it.
        var noun: String { name == "default" ? "pool" : "pool.\(name)" }
    }

    let driverName: String
    /// None where volumes live elsewhere.
    let pools: [Pool]
    /// How room is given out to images; nil for a backend without them.
    let images: PoolPolicy?
    let preflight: @Sendable (Role) -> Preflight
}

extension DriverConfiguration.Backend {
    var traits: BackendTraits {
        switch self {
        case .hostPath(let configuration):
            BackendTraits(
                driverName: configuration.info.name,
                pools: [.init(name: "default", path: configuration.pool)], images: nil,
                preflight: { configuration.preflight($0) })
        case .loopback(let configuration):
            BackendTraits(
                driverName: configuration.info.name,
                pools: [.init(name: "default", path: configuration.pool)], images: configuration.policy,
                preflight: { configuration.preflight($0) })
        case .nfs(let configuration, let network):
            BackendTraits(
                driverName: configuration.info.name, pools: [], images: nil,
                preflight: { configuration.preflight($0, helper: network.mountHelper) })
        case .expansionOnly(let info):
            BackendTraits(driverName: info.name, pools: [], images: nil, preflight: { _ in Preflight() })
        }
    }
}
