import CSIPreflight
import CSIProgram
import SystemPackage

/// What an operator wants to be waited for.
struct AwaitedPlaces {
    var poolMounts = false
    /// Nil for not looking at it.
    var kubelet: FilePath?

    func preflight(_ traits: BackendTraits) -> Preflight {
        var checks: [PreflightCheck] = []
        if poolMounts { checks += traits.pools.map { .mountPoint($0.path, as: $0.noun) } }
        if let kubelet { checks.append(.sharedMounts(below: kubelet)) }
        return Preflight(checks)
    }
}

extension SettingReader {
    mutating func readPlaces(isNode: Bool) -> AwaitedPlaces {
        var places = AwaitedPlaces()
        let waits = readOptional(.requirePoolMount) { (text) throws(ConfigurationMistake) in
            guard let value = Bool(text) else { throw .oneOf(["true", "false"], not: text) }
            return value
        }
        places.poolMounts = waits == true
        guard isNode else { return places }
        places.kubelet = readOptional(.kubeletDirectory) { (text) throws(ConfigurationMistake) in
            guard FilePath(text).isAbsolute else {
                throw ConfigurationMistake("must be an absolute path, and is \"\(text)\"")
            }
            return FilePath(text)
        }
        return places
    }
}
