import CSICore
import CSIHostPath
import CSILoopback
import CSINFS
import CSIPool
import CSIProgram
import SystemPackage

/// The settings of the backends.
extension SettingReader {
    private enum BackendName: String, CaseIterable {
        case hostPath = "hostpath"
        case loopback
        case nfs

        var driverName: String { "\(rawValue).swift-csi.dev" }
    }

    mutating func readBackend() -> DriverConfiguration.Backend? {
        let name = read(.backend) { (text) throws(ConfigurationMistake) in
            guard let name = BackendName(rawValue: text) else {
                throw .oneOf(BackendName.allCases.map(\.rawValue), not: text)
            }
            return name
        }
        let info = read(.driverName, default: (name ?? .hostPath).driverName) { (text) throws(ConfigurationMistake) in
            do throws(CSIError) {
                return try PluginInfo(name: text, version: SwiftCSIVersion.current)
            } catch {
                throw ConfigurationMistake(error)
            }
        }
        let node = nodeID(.nodeID)
        let nfs = readNFS(isAllowed: name == .nfs || name == nil)
        guard name != .nfs else {
            if readOptional(.pool, parse: { (text) throws(ConfigurationMistake) in text }) != nil {
                report(.pool, ConfigurationMistake("is not for the nfs backend, whose volumes lie on servers"))
            }
            _ = (readPolicy(for: .nfs), readRequireQuota(for: .nfs), readLimit(for: .nfs))
            guard let info, let node, let nfs else { return nil }
            var configuration = NFSConfiguration(info: info, nodeID: node)
            nfs.apply(to: &configuration)
            return .nfs(configuration, nfs.network)
        }
        let pools = readPools(for: name)
        let policy = readPolicy(for: name)
        let requiresQuota = readRequireQuota(for: name)
        let limit = readLimit(for: name)
        guard let name, let info, let node, let pools else { return nil }
        do throws(CSIError) {
            switch name {
            case .hostPath:
                return .hostPath(
                    try HostPathConfiguration(
                        info: info, nodeID: node, pools: pools, policy: policy, requiresQuota: requiresQuota))
            case .loopback:
                guard let pool = pools.first else { return nil }
                return .loopback(
                    try LoopbackConfiguration(
                        info: info, nodeID: node, pool: pool.path, policy: policy, maximumVolumesPerNode: limit))
            case .nfs: return nil
            }
        } catch {
            report(.nodeID, ConfigurationMistake(error))
            return nil
        }
    }

    /// `DIR`, or `NAME=DIR`, with commas between several; one without a name for a backend that has no names for them.
    private mutating func readPools(for backend: BackendName?) -> [HostPathConfiguration.Pool]? {
        read(.pool) { (text) throws(ConfigurationMistake) in
            var pools: [HostPathConfiguration.Pool] = []
            for part in text.split(separator: ",", omittingEmptySubsequences: false) {
                let pool = try Self.pool(part)
                if let other = pools.first(where: { $0.name == pool.name }) {
                    let name = other.name.map { "the name \($0)" } ?? "no name"
                    throw ConfigurationMistake("gives two pools \(name), \(other.path) and \(pool.path)")
                }
                pools.append(pool)
            }
            guard backend == nil || backend == .hostPath || pools.allSatisfy({ $0.name == nil }) else {
                throw ConfigurationMistake("takes one directory, without a name, for this backend")
            }
            return pools
        }
    }

    private static func pool(_ text: Substring) throws(ConfigurationMistake) -> HostPathConfiguration.Pool {
        let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        let isNamed = parts.count == 2 && !text.hasPrefix("/")
        let path = FilePath(String(isNamed ? parts[1] : text))
        guard path.isAbsolute else {
            throw ConfigurationMistake("must be an absolute path, or NAME=PATH, and is \"\(text)\"")
        }
        guard isNamed else { return HostPathConfiguration.Pool(path: path) }
        let name = String(parts[0])
        guard HostPathConfiguration.Pool.isName(name) else {
            throw ConfigurationMistake(
                "must name a pool with 1 to 63 small letters, digits and hyphens, not \"\(name)\"")
        }
        return HostPathConfiguration.Pool(name: name, path: path)
    }

    /// What is left free and promised twice, where a pool gives out room.
    private mutating func readPolicy(for name: BackendName?) -> PoolPolicy {
        let reserve = readOptional(.reserve) { (text) throws(ConfigurationMistake) in
            if text.hasSuffix("%"), let percent = Int64(text.dropLast()), (0...100).contains(percent) {
                return PoolPolicy.Reserve.percent(percent)
            }
            guard let bytes = Self.bytes(text) else {
                throw ConfigurationMistake("must be a size such as 10Gi, or a share such as 5%, and is \"\(text)\"")
            }
            return .bytes(bytes)
        }
        let overcommit = readOptional(.overcommit) { (text) throws(ConfigurationMistake) in
            guard let percent = Self.hundredths(text), (100...100_000).contains(percent) else {
                throw ConfigurationMistake(
                    "must be a ratio from 1 to 1000 with at most two decimals, such as 1.5, and is \"\(text)\"")
            }
            return percent
        }
        if name == .nfs {
            let given = [(Setting.reserve, reserve != nil), (.overcommit, overcommit != nil)]
            for (setting, isGiven) in given where isGiven {
                report(setting, ConfigurationMistake("is for backends with a pool, and the backend is nfs"))
            }
        }
        return PoolPolicy(reserve: reserve ?? .percent(5), overcommitPercent: overcommit ?? 100)
    }

    /// What only the hostPath backend takes; with another one it is a mistake.
    private mutating func readRequireQuota(for name: BackendName?) -> Bool {
        let isRequired = readOptional(.requireQuota) { (text) throws(ConfigurationMistake) in
            guard let choice = Bool(text) else {
                throw ConfigurationMistake("must be true or false, and is \"\(text)\"")
            }
            return choice
        }
        if isRequired != nil { requireBackend(.hostPath, is: name, for: .requireQuota) }
        return isRequired ?? false
    }

    /// What only the loopback backend takes; with another one it is a mistake.
    private mutating func readLimit(for name: BackendName?) -> Int64 {
        let limit = readOptional(.maximumVolumes) { (text) throws(ConfigurationMistake) in
            guard let limit = Int64(text), limit >= 0 else {
                throw ConfigurationMistake("must be a number, 0 for no limit, and is \"\(text)\"")
            }
            return limit
        }
        if limit != nil { requireBackend(.loopback, is: name, for: .maximumVolumes) }
        return limit ?? 0
    }

    private mutating func requireBackend(_ wanted: BackendName, is name: BackendName?, for setting: Setting) {
        guard let name, name != wanted else { return }
        report(
            setting,
            ConfigurationMistake("is for the \(wanted.rawValue) backend, and the backend is \(name.rawValue)"))
    }

    /// A number of bytes, with Ki, Mi, Gi or Ti behind it.
    private static func bytes(_ text: String) -> Int64? {
        let shifts = ["": 0, "Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40]
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        guard let count = Int64(digits), let shift = shifts[String(text.dropFirst(digits.count))] else { return nil }
        let (bytes, overflow) = count.multipliedReportingOverflow(by: 1 << shift)
        return overflow ? nil : bytes
    }

    /// `1.25` as 125.
    private static func hundredths(_ text: String) -> Int64? {
        let parts = text.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        let decimals = parts.count > 1 ? String(parts[1]) : "0"
        guard let whole = Int64(parts[0]), (0...1000).contains(whole), (1...2).contains(decimals.utf8.count),
            let tail = Int64(decimals.utf8.count == 1 ? decimals + "0" : decimals), tail >= 0
        else { return nil }
        return whole * 100 + tail
    }
}
