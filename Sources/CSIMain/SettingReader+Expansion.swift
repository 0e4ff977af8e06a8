import CSICore
import CSIProgram

extension Setting {
    static let expansionOnly = Setting(flag: "--expansion-only", variable: "SWIFT_CSI_EXPANSION_ONLY")
}

/// The settings of a controller without a pool.
extension SettingReader {
    /// Whether only growth is answered.
    mutating func readExpansionOnly() -> Bool {
        readOptional(.expansionOnly) { (text) throws(ConfigurationMistake) in
            guard let value = ["true": true, "false": false][text] else {
                throw ConfigurationMistake("must be true or false, and is \"\(text)\"")
            }
            return value
        } ?? false
    }

    /// The name that the driver has on its nodes; everything else is theirs.
    mutating func readExpansionBackend() -> DriverConfiguration.Backend? {
        let backend = readOptional(.backend) { (text) throws(ConfigurationMistake) in
            let local = ["hostpath", "loopback"]
            guard local.contains(text) else { throw .oneOf(local, not: text) }
            return text
        }
        let info = read(.driverName, default: "\(backend ?? "hostpath").swift-csi.dev") {
            (text) throws(ConfigurationMistake) in
            do throws(CSIError) {
                return try PluginInfo(name: text, version: SwiftCSIVersion.current)
            } catch {
                throw ConfigurationMistake(error)
            }
        }
        for setting in [Setting.pool, .nodeID] {
            let given = readOptional(setting) { (text) throws(ConfigurationMistake) in text }
            if given != nil {
                report(
                    setting,
                    ConfigurationMistake("is for a controller with a pool, and this one only answers for nodes"))
            }
        }
        return info.map { .expansionOnly($0) }
    }
}
