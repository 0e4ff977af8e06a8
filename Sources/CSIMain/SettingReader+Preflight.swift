import CSICore
import CSIHostPath
import CSILoopback
import CSIPreflight
import CSIProgram
import SystemPackage

/// What an operator wants to be waited for.
extension SettingReader {
    mutating func readPlaces(isNode: Bool) -> Preflight {
        var checks: [PreflightCheck] = []
        let waits = readOptional(.requirePoolMount) { (text) throws(ConfigurationMistake) in
            guard let value = Bool(text) else { throw .oneOf(["true", "false"], not: text) }
            return value
        }
        if waits == true {
            if let pool = value(of: .pool) {
                checks.append(.mountPoint(FilePath(pool), as: "pool"))
            } else {
                report(.requirePoolMount, ConfigurationMistake("needs \(Setting.pool.name) as well"))
            }
        }
        guard isNode else { return Preflight(checks) }
        let kubelet = readOptional(.kubeletDirectory) { (text) throws(ConfigurationMistake) in
            guard FilePath(text).isAbsolute else {
                throw ConfigurationMistake("must be an absolute path, and is \"\(text)\"")
            }
            return FilePath(text)
        }
        if let kubelet { checks.append(.sharedMounts(below: kubelet)) }
        return Preflight(checks)
    }
}

extension DriverConfiguration.Backend {
    func preflight(_ role: Role) -> Preflight {
        switch self {
        case .hostPath(let configuration): configuration.preflight(role)
        case .loopback(let configuration): configuration.preflight(role)
        }
    }
}
