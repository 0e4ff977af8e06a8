import ArgumentParser
import CSICore
import CSIMain
import CSIProgram
import Glibc

/// Which driver of this machine a command is about.
struct DriverSelection: ParsableArguments {
    @Argument(
        parsing: .postTerminator,
        help: ArgumentHelp(
            """
            After --, the flags of the driver; without them, those of the csi-node and csi-controller that run here, or \
            the environment.
            """, valueName: "driver flags"))
    var driverFlags: [String] = []
}

/// The settings of a driver of this machine.
struct DriverSettings {
    /// `csi-node` or `csi-controller`.
    let program: String
    /// The process; nil when none was found.
    let process: pid_t?
    let arguments: [String]
    let environment: [String: String]

    /// What it runs with, or what is wrong with that.
    var configuration: Result<DriverConfiguration, ConfigurationMistakes> {
        do throws(ConfigurationMistakes) {
            return .success(
                try DriverConfiguration(
                    commandLine: arguments, isNode: program == Self.node, environment: environment))
        } catch {
            return .failure(error)
        }
    }

    private static let node = "csi-node"
    private static let controller = "csi-controller"

    /// The drivers that a command is about: what was asked for, else what runs, else what the environment describes.
    /// - Throws: When there is none.
    static func select(_ selection: DriverSelection, environment: [String: String]) throws -> [DriverSettings] {
        if !selection.driverFlags.isEmpty {
            return [
                DriverSettings(
                    program: node, process: nil, arguments: selection.driverFlags, environment: environment)
            ]
        }
        let running = running()
        if !running.isEmpty { return running }
        guard environment["SWIFT_CSI_BACKEND"] != nil else {
            throw ValidationError(
                "no csi-node or csi-controller runs here; give the flags of the driver, for example: -- --backend hostpath "
                    + "--endpoint unix:///run/csi/csi.sock --node-id node-1 --pool /var/lib/pool")
        }
        return [DriverSettings(program: node, process: nil, arguments: [], environment: environment)]
    }

    /// The drivers that run in what this process sees of the machine, in the order of their numbers.
    private static func running() -> [DriverSettings] {
        SystemFile.names(in: "/proc").compactMap { pid_t($0) }.sorted().compactMap { process in
            let words = nulSeparated(SystemFile.read("/proc/\(process)/cmdline"))
            guard let name = words.first?.split(separator: "/").last.map(String.init),
                name == node || name == controller
            else { return nil }
            var environment: [String: String] = [:]
            for entry in nulSeparated(SystemFile.read("/proc/\(process)/environ")) {
                guard let equals = entry.firstIndex(of: "=") else { continue }
                environment[String(entry[..<equals])] = String(entry[entry.index(after: equals)...])
            }
            return DriverSettings(
                program: name, process: process, arguments: Array(words.dropFirst()), environment: environment)
        }
    }

    private static func nulSeparated(_ bytes: [UInt8]?) -> [String] {
        var words = (bytes ?? []).split(separator: 0, omittingEmptySubsequences: false).map {
            String(decoding: $0, as: UTF8.self)
        }
        if words.last == "" { words.removeLast() }
        return words
    }

    /// Whether the driver's mounts are those that this process sees; true when that cannot be found out.
    var sharesMounts: Bool {
        guard let process, let theirs = SystemFile.link("/proc/\(process)/ns/mnt"),
            let ours = SystemFile.link("/proc/self/ns/mnt")
        else { return true }
        return theirs == ours
    }
}
