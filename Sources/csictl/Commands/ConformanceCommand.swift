import ArgumentParser
import CSIProto
import CSITestKit
import CSITransport
import Glibc
import Synchronization

struct ConformanceCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "conformance", abstract: "Checks a driver against what its callers expect of it.",
        discussion: """
            Runs every row of the conformance suite that the driver's capabilities allow. It makes volumes, snapshots and
            mounts, and removes them again. Exits with 1 when a row fails.

            Example: csictl --endpoint unix:///run/csi/controller.sock conformance \\
                --node-endpoint unix:///run/csi/node.sock --volume-size 1Gi --junit report.xml
            """)

    enum Access: String, ExpressibleByArgument, CaseIterable {
        case mount
        case block
    }

    @OptionGroup var global: GlobalOptions
    @OptionGroup var trial: TrialOptions

    @Option(
        name: .customLong("target-dir"),
        help: ArgumentHelp("Where on the node volumes are published; made when absent.", valueName: "path"))
    var targetDirectory = "/tmp/csi-mount"

    @Option(
        name: .customLong("staging-dir"),
        help: ArgumentHelp("Where on the node volumes are staged; made when absent.", valueName: "path"))
    var stagingDirectory = "/tmp/csi-staging"

    @Option(help: ArgumentHelp("The size of volumes.", valueName: "size"))
    var volumeSize = ByteSize(bytes: 10 << 30)

    @Option(help: ArgumentHelp("The size that volumes grow to; at most 1Gi more by default.", valueName: "size"))
    var expandedSize: ByteSize?

    @Option(
        name: .customLong("other-parameter"),
        help: ArgumentHelp("Parameters that make an incompatible volume; repeat for more.", valueName: "key=value"))
    var otherParameters: [KeyValue] = []

    @Option(
        name: .customLong("mutable-parameter"),
        help: ArgumentHelp("A mutable parameter; repeat for more.", valueName: "key=value"))
    var mutableParameters: [KeyValue] = []

    @Option(
        name: .customLong("snapshot-parameter"),
        help: ArgumentHelp("A parameter as in a VolumeSnapshotClass; repeat for more.", valueName: "key=value"))
    var snapshotParameters: [KeyValue] = []

    @Option(
        help: ArgumentHelp("A file of key=value lines, the secrets of every call that takes some.", valueName: "file"))
    var secretsFile: String?

    @Option(help: ArgumentHelp("How volumes are used: mount or block.", valueName: "type"))
    var accessType = Access.mount

    @Option(help: ArgumentHelp("The file system, where the driver offers a choice.", valueName: "type"))
    var fsType: String?

    @Option(help: ArgumentHelp("A second node that volumes can be attached to.", valueName: "id"))
    var secondNode: String?

    @Flag(help: "Attach as many volumes as the node takes, and one more.")
    var attachLimit = false

    @Flag(help: "The driver's mounts are in another mount namespace: do not look into published volumes.")
    var blind = false

    @Option(help: ArgumentHelp("How often a repeated call is repeated.", valueName: "count"))
    var repeats = 10

    @Option(
        help: ArgumentHelp("Run only these rows, for example 'create-volume/*'; repeat for more.", valueName: "pattern")
    )
    var only: [String] = []

    @Option(help: ArgumentHelp("Write a report in JUnit XML.", valueName: "file"))
    var junit: String?

    @Option(
        help: ArgumentHelp(
            "Starts the driver for the rows about its socket; {} stands for the socket's URL.", valueName: "command"))
    var launch: String?

    @Flag(help: "Show only rows that fail, and the summary.")
    var quiet = false

    @Flag(name: .customLong("list"), help: "List the rows and run none.")
    var lists = false

    func validate() throws {
        guard (1...1_000).contains(repeats) else {
            throw ValidationError("--repeats must be 1 to 1000, and is \(repeats)")
        }
        guard volumeSize.bytes > 0 else { throw ValidationError("--volume-size must be more than 0") }
        for (name, path) in [("target-dir", targetDirectory), ("staging-dir", stagingDirectory)]
        where !path.hasPrefix("/") {
            throw ValidationError("--\(name) must be an absolute path, and is \"\(path)\"")
        }
    }

    func run() async throws {
        if lists, global.json { return try Output.json(Conformance.cases.map { JSONCase(id: $0.id, title: $0.title) }) }
        if lists { return Output.lines(Conformance.cases.map { "\($0.id): \($0.title) [\($0.origin)]" }) }
        var configuration = ConformanceConfiguration()
        configuration.accessType = accessType == .block ? .block : .mount
        configuration.fsType = fsType ?? ""
        configuration.parameters = Self.map(trial.parameters)
        configuration.otherParameters = Self.map(otherParameters)
        configuration.mutableParameters = Self.map(mutableParameters)
        configuration.snapshotParameters = Self.map(snapshotParameters)
        configuration.secrets = try secrets()
        configuration.volumeSize = volumeSize.bytes
        configuration.expandedVolumeSize = expandedSize?.bytes
        configuration.stagingDirectory = stagingDirectory
        configuration.targetDirectory = targetDirectory
        configuration.secondNodeID = secondNode
        configuration.testsAttachLimit = attachLimit
        configuration.repeats = repeats
        configuration.callTimeout = .seconds(global.timeout)
        configuration.site = LocalSite(isVisible: !blind)
        configuration.only = only
        let isJSON = global.json
        let isQuiet = quiet || isJSON
        let bar = ProgressBar(isWanted: !isJSON)
        let counter = Counter()
        configuration.onResult = { result in
            let done = counter.next()
            if result.kind == .failed && !isJSON || !isQuiet {
                bar.clear()
                Self.show(result.description)
            }
            bar.show("checking", done, of: Conformance.cases.count)
        }
        let made = [targetDirectory, stagingDirectory].filter { (path: String) in mkdir(path, 0o750) == 0 }
        defer { for path in made { rmdir(path) } }
        let controller = try await global.connect()
        defer { controller.close() }
        let node = try await trial.connectToNode(global)
        defer { node?.close() }
        let report = await Conformance(
            controller: controller, node: node, launcher: launch.map { ProcessLauncher(command: $0) },
            configuration: configuration
        ).run()
        bar.clear()
        if let junit { try Self.write(report.junit, to: junit) }
        if global.json { try Output.json(JSONReport(report)) } else { Self.show(report.summary) }
        if report.results.isEmpty { throw ValidationError("--only selects no row") }
        if !report.failed.isEmpty { throw ExitCode(1) }
    }

    private struct JSONCase: Encodable {
        let id: String
        let title: String
    }

    /// The report as JSON.
    private struct JSONReport: Encodable {
        let driver: String
        let version: String
        let passed: Int
        let failed: Int
        let skipped: Int
        let rows: [Row]

        struct Row: Encodable {
            let id: String
            let title: String
            let outcome: String
            let findings: [String]
        }

        init(_ report: ConformanceReport) {
            driver = report.driver
            version = report.version
            passed = report.passed.count
            failed = report.failed.count
            skipped = report.skipped.count
            rows = report.results.map { result in
                let (outcome, findings): (String, [String]) =
                    switch result.outcome {
                    case .passed: ("passed", [])
                    case .failed(let findings): ("failed", findings.map(\.description))
                    case .skipped(let reason): ("skipped", [reason])
                    }
                return Row(id: result.id, title: result.title, outcome: outcome, findings: findings)
            }
        }
    }

    /// Counts rows from whichever thread they end on.
    private final class Counter: Sendable {
        private let value = Atomic(0)

        func next() -> Int { value.add(1, ordering: .relaxed).newValue }
    }

    private static func map(_ pairs: [KeyValue]) -> ProtoMap<String, String> {
        ProtoMap(pairs.map { ($0.key, $0.value) })
    }

    /// Secrets come from a file: an argument can be seen by everybody on the machine.
    private func secrets() throws -> ProtoMap<String, String> {
        guard let secretsFile else { return [:] }
        guard let file = fopen(secretsFile, "r") else { throw ValidationError("cannot read \(secretsFile)") }
        defer { fclose(file) }
        var map: ProtoMap<String, String> = [:]
        var line: UnsafeMutablePointer<CChar>?
        var capacity = 0
        defer { free(line) }
        while true {
            let count = getline(&line, &capacity, file)
            guard count > 0, let line else { return map }
            let bytes = UnsafeRawBufferPointer(start: line, count: count)
            let text = String(decoding: bytes, as: UTF8.self).split(separator: "\n").first ?? ""
            guard let pair = KeyValue(argument: String(text)) else { continue }
            map[pair.key] = pair.value
        }
    }

    private static func write(_ text: String, to path: String) throws {
        guard let file = fopen(path, "w") else { throw ValidationError("cannot write \(path)") }
        fputs(text, file)
        guard fclose(file) == 0 else { throw ValidationError("cannot write \(path)") }
    }

    /// A line at once, also into a pipe.
    private static func show(_ line: String) {
        print(line)
        fflush(nil)
    }
}
