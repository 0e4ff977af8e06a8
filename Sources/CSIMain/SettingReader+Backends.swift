import CSICore
import CSIHostPath
import CSILoopback
import CSINFS
import CSIPool
import CSIProgram

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
        let (policy, limit) = readLoopback(for: name)
        let nfs = readNFS(isAllowed: name == .nfs || name == nil)
        guard name != .nfs else {
            if readOptional(.pool, parse: { (text) throws(ConfigurationMistake) in text }) != nil {
                report(.pool, ConfigurationMistake("is not for the nfs backend, whose volumes lie on servers"))
            }
            guard let info, let node, let nfs else { return nil }
            var configuration = NFSConfiguration(info: info, nodeID: node)
            nfs.apply(to: &configuration)
            return .nfs(configuration, nfs.network)
        }
        let pool = absolutePath(.pool)
        guard let name, let info, let node, let pool else { return nil }
        do throws(CSIError) {
            switch name {
            case .hostPath: return .hostPath(try HostPathConfiguration(info: info, nodeID: node, pool: pool))
            case .loopback:
                return .loopback(
                    try LoopbackConfiguration(
                        info: info, nodeID: node, pool: pool, policy: policy, maximumVolumesPerNode: limit))
            case .nfs: return nil
            }
        } catch {
            report(.nodeID, ConfigurationMistake(error))
            return nil
        }
    }

    /// What only the loopback backend takes; with another one it is a mistake.
    private mutating func readLoopback(for name: BackendName?) -> (policy: PoolPolicy, limit: Int64) {
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
        let limit = readOptional(.maximumVolumes) { (text) throws(ConfigurationMistake) in
            guard let limit = Int64(text), limit >= 0 else {
                throw ConfigurationMistake("must be a number, 0 for no limit, and is \"\(text)\"")
            }
            return limit
        }
        if let name, name != .loopback {
            let given = [
                (Setting.reserve, reserve != nil), (.overcommit, overcommit != nil), (.maximumVolumes, limit != nil),
            ]
            for (setting, isGiven) in given where isGiven {
                report(
                    setting, ConfigurationMistake("is for the loopback backend, and the backend is \(name.rawValue)"))
            }
        }
        return (PoolPolicy(reserve: reserve ?? .percent(5), overcommitPercent: overcommit ?? 100), limit ?? 0)
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
