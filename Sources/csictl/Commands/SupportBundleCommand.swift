import ArgumentParser
import CSICore
import CSIHost
import CSIMain
import CSIProgram
import Glibc
import SystemPackage

struct SupportBundleCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "support-bundle",
        abstract: "Collects what helps to find a fault, without secrets, into a tar file.",
        discussion: """
            It holds versions, flags, what doctor finds, metrics, the mount table, loop devices and the records of volumes. \
            Values of names such as password, secret, token and key are replaced. Look through it before you send it: names \
            of volumes, paths and servers are in it.
            """)

    @OptionGroup var global: GlobalOptions
    @OptionGroup var selection: DriverSelection

    @Option(name: .shortAndLong, help: ArgumentHelp("The file to write; it must not exist.", valueName: "file"))
    var output = "csi-support.tar"

    private struct Settings: Encodable {
        let program: String
        let process: Int32?
        let arguments: [String]
        let environment: [String: String]
    }

    private struct Versions: Encodable {
        let csictl: String
        let kernel: String
        let time: Int
    }

    func run() async throws {
        let now = time(nil)
        var archive = TarArchive()
        var names: [String] = []
        let bar = ProgressBar(isWanted: !global.json)
        func add(_ name: String, _ text: String?) {
            guard let text else { return }
            archive.add("csi-support/\(name)", Array(Redaction.redacted(text).utf8), time: now)
            names.append(name)
            bar.show("collecting", names.count, of: 10)
        }
        let kernel = SystemFile.text("/proc/version")?.split(separator: "\n").first.map(String.init) ?? ""
        add("versions.json", try Output.text(Versions(csictl: SwiftCSIVersion.full, kernel: kernel, time: now)))
        let drivers = try DriverSettings.select(selection, environment: ProcessEnvironment.variables())
        add("settings.json", try Output.text(drivers.map(Self.settings)))
        add("doctor.json", try await Output.text(DoctorCommand.reports(selection)))
        // A pool that cannot be read must not keep the rest back.
        add("volumes.json", (try? await VolumesCommand.pools(selection, bar)).flatMap { try? Output.text($0) })
        for driver in drivers {
            guard case .success(let configuration) = driver.configuration,
                let address = configuration.serving.httpEndpoint
            else { continue }
            add("metrics-\(driver.program)-\(driver.process ?? 0).txt", HTTPGet.body(of: "/metrics", at: address))
        }
        for process in ["self"] + drivers.compactMap({ $0.process.map(String.init) }) {
            add("mountinfo-\(process).txt", SystemFile.text("/proc/\(process)/mountinfo"))
        }
        for process in drivers.compactMap(\.process) {
            add("status-\(process).txt", SystemFile.text("/proc/\(process)/status"))
        }
        add("filesystems.txt", SystemFile.text("/proc/filesystems"))
        let loops = (try? await LinuxHost().loops.list()) ?? []
        add("loops.txt", loops.map { "\($0.path) \($0.name) \($0.backingPath) \($0.size)" }.joined(separator: "\n"))
        addRecords(of: drivers, add)
        bar.clear()
        try write(archive.finished)
        if global.json {
            try Output.json(Written(file: output, contents: names))
        } else {
            print("\(output): \(names.count) files; look through it before you send it")
        }
    }

    private struct Written: Encodable {
        let file: String
        let contents: [String]
    }

    private static func settings(_ driver: DriverSettings) -> Settings {
        let own = driver.environment.filter { $0.key.hasPrefix("CSI_") || $0.key.hasPrefix("SWIFT_CSI_") }
        return Settings(
            program: driver.program, process: driver.process, arguments: Redaction.redacted(driver.arguments),
            environment: Dictionary(
                own.map { ($0.key, Redaction.hides($0.key) ? Redaction.mark : $0.value) },
                uniquingKeysWith: { first, _ in first }))
    }

    /// The records of volumes and snapshots as they are on disk, damaged ones included.
    private func addRecords(of drivers: [DriverSettings], _ add: (String, String?) -> Void) {
        var seen: Set<String> = []
        for driver in drivers {
            guard case .success(let configuration) = driver.configuration else { continue }
            for pool in configuration.pools where seen.insert(pool.path.string).inserted {
                for (section, record) in [("volumes", "volume"), ("snapshots", "snapshot")] {
                    let texts = SystemFile.names(in: "\(pool.path)/\(section)").prefix(10_000).map { id in
                        "== \(id)\n"
                            + (SystemFile.text("\(pool.path)/\(section)/\(id)/\(record)") ?? "there is no record\n")
                    }
                    add("records-\(pool.name)-\(section).txt", texts.joined())
                }
            }
        }
    }

    private func write(_ bytes: [UInt8]) throws {
        // Born with its final mode, and never through a link that somebody else laid.
        let descriptor = open(output, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else {
            throw ValidationError("cannot write \(output): \(String(cString: strerror(errno)))")
        }
        defer { close(descriptor) }
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            guard count > 0 else {
                throw ValidationError("cannot write \(output): \(String(cString: strerror(errno)))")
            }
            rest = rest.dropFirst(count)
        }
    }
}
