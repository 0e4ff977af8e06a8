import CSIHost
import CSINFS
import CSIProgram
import SystemPackage

/// What the settings of the NFS backend come to.
struct NFSSettings {
    var shares: [NFSLocation] = []
    var mountOptions = NFSMountOptions()
    var onDelete = DeletePolicy.delete
    var forcesUnmounts = false
    var network = NetworkFileSystemSettings()

    func apply(to configuration: inout NFSConfiguration) {
        configuration.shares = shares
        configuration.mountOptions = mountOptions
        configuration.onDelete = onDelete
        configuration.forcesUnmounts = forcesUnmounts
    }
}

extension SettingReader {
    /// What only the NFS backend takes; with another one it is a mistake.
    mutating func readNFS(isAllowed: Bool) -> NFSSettings? {
        let shares = readOptional(.nfsShares) { (text) throws(ConfigurationMistake) in
            var shares: [NFSLocation] = []
            for part in text.split(separator: ",") { shares.append(try Self.share(String(part))) }
            return shares
        }
        let options = readOptional(.nfsMountOptions) { (text) throws(ConfigurationMistake) in
            do throws(UnsupportedOption) {
                return try NFSMountOptions(mountFlags: [text])
            } catch {
                throw ConfigurationMistake("has an \(error)")
            }
        }
        let onDelete = readOptional(.defaultOnDelete) { (text) throws(ConfigurationMistake) in
            guard let policy = DeletePolicy(rawValue: text) else {
                throw .oneOf(DeletePolicy.allCases.map(\.rawValue), not: text)
            }
            return policy
        }
        let helper = readOptional(.mountHelper) { (text) throws(ConfigurationMistake) in
            guard let use = MountHelperUse(rawValue: text) else {
                throw .oneOf(MountHelperUse.allCases.map(\.rawValue), not: text)
            }
            return use
        }
        let timeout = readOptional(.serverTimeout) { (text) throws(ConfigurationMistake) in
            guard let seconds = Int64(text), (2...600).contains(seconds) else {
                throw ConfigurationMistake("must be a number of seconds from 2 to 600, and is \"\(text)\"")
            }
            return seconds
        }
        let forces = readOptional(.unmountPolicy) { (text) throws(ConfigurationMistake) in
            guard ["lazy", "force"].contains(text) else { throw .oneOf(["lazy", "force"], not: text) }
            return text == "force"
        }
        let given = [
            (Setting.nfsShares, shares != nil), (.nfsMountOptions, options != nil), (.defaultOnDelete, onDelete != nil),
            (.mountHelper, helper != nil), (.serverTimeout, timeout != nil), (.unmountPolicy, forces != nil),
        ]
        if !isAllowed {
            for (setting, isGiven) in given where isGiven {
                report(setting, ConfigurationMistake("is for the nfs backend, and the backend is another one"))
            }
        }
        var settings = NFSSettings()
        settings.shares = shares ?? []
        settings.mountOptions = options ?? NFSMountOptions()
        settings.onDelete = onDelete ?? .delete
        settings.forcesUnmounts = forces ?? false
        if let helper { settings.network.mountHelper = helper }
        if let timeout { settings.network.patience = .seconds(timeout) }
        return settings
    }

    private static func share(_ text: String) throws(ConfigurationMistake) -> NFSLocation {
        guard let slash = text.firstIndex(of: "/"), slash > text.startIndex, text[text.index(before: slash)] == ":"
        else {
            throw ConfigurationMistake("must be shares such as nfs.example:/export, and has \"\(text)\"")
        }
        do throws(InvalidNFSLocation) {
            return try NFSLocation(
                server: String(text[..<text.index(before: slash)]), path: FilePath(String(text[slash...])))
        } catch {
            throw ConfigurationMistake("has a share whose \(error)")
        }
    }
}
