import ArgumentParser
import CSILock
import CSIProto
import CSITransport
import Glibc

struct BenchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench", abstract: "Measures how fast a live driver answers.",
        discussion: """
            Works on the driver that serves the cluster: 'probe' changes nothing; 'volumes' makes volumes of its own, named \
            csictl-bench-..., and removes them; 'publish' mounts one besides, below --target-dir.

            Example: csictl --endpoint unix:///run/csi/csi.sock bench --workload volumes --seconds 10 --concurrency 8
            """)

    enum Workload: String, ExpressibleByArgument, CaseIterable {
        case probe
        case volumes
        case publish
    }

    @OptionGroup var global: GlobalOptions
    @OptionGroup var trial: TrialOptions

    @Option(help: ArgumentHelp("What is measured: probe, volumes or publish.", valueName: "name"))
    var workload = Workload.probe

    @Option(help: ArgumentHelp("How long to measure.", valueName: "seconds"))
    var seconds = 5

    @Option(help: ArgumentHelp("How many calls are on their way at a time.", valueName: "count"))
    var concurrency = 1

    @Option(
        name: .customLong("target-dir"),
        help: ArgumentHelp("Where on the node volumes are published; made when absent.", valueName: "path"))
    var targetDirectory = "/tmp/csictl-bench"

    @Option(help: ArgumentHelp("The size of volumes.", valueName: "size"))
    var volumeSize = ByteSize(bytes: 1 << 30)

    func validate() throws {
        guard (1...3600).contains(seconds) else { throw ValidationError("--seconds must be 1 to 3600") }
        guard (1...256).contains(concurrency) else { throw ValidationError("--concurrency must be 1 to 256") }
        guard targetDirectory.hasPrefix("/") else { throw ValidationError("--target-dir must be an absolute path") }
    }

    func run() async throws {
        let samples = Samples()
        let bar = ProgressBar(isWanted: !global.json)
        let isNew = workload == .publish && mkdir(targetDirectory, 0o750) == 0
        defer { if isNew { rmdir(targetDirectory) } }
        var clients: [(controller: RPCClient, node: RPCClient)] = []
        for _ in 0..<concurrency {
            let controller = try await global.connect()
            let node = try await trial.connectToNode(global)
            clients.append((controller, node ?? controller))
        }
        defer {
            for client in clients {
                client.controller.close()
                client.node.close()
            }
        }
        let clock = ContinuousClock()
        let startedAt = clock.now
        let deadline = startedAt + .seconds(seconds)
        try await withThrowingTaskGroup { group in
            for (index, client) in clients.enumerated() {
                group.addTask { try await self.work(client, worker: index, until: deadline, samples) }
            }
            group.addTask {
                while clock.now < deadline {
                    bar.show("measuring", Int((clock.now - startedAt) / .milliseconds(100)), of: seconds * 10)
                    try await Task.sleep(for: .milliseconds(100))
                }
            }
            try await group.waitForAll()
        }
        bar.clear()
        try show(samples, took: clock.now - startedAt)
    }

    private func work(
        _ client: (controller: RPCClient, node: RPCClient), worker: Int, until deadline: ContinuousClock.Instant,
        _ samples: Samples
    ) async throws {
        var round = 0
        repeat {
            round += 1
            switch workload {
            case .probe: _ = try await call(client.node, CSIv1.Identity.probe, .init(), samples)
            case .volumes:
                let id = try await create(client.controller, worker, round, samples)
                _ = try await call(client.controller, CSIv1.Controller.deleteVolume, .init(volumeID: id), samples)
            case .publish:
                let id = try await create(client.controller, worker, round, samples)
                let target = "\(targetDirectory)/\(worker)"
                _ = try await call(
                    client.node, CSIv1.Node.nodePublishVolume,
                    .init(volumeID: id, targetPath: target, volumeCapability: Self.capability), samples)
                _ = try await call(
                    client.node, CSIv1.Node.nodeUnpublishVolume, .init(volumeID: id, targetPath: target), samples)
                _ = try await call(client.controller, CSIv1.Controller.deleteVolume, .init(volumeID: id), samples)
            }
        } while ContinuousClock.now < deadline
    }

    private static let capability = CSIv1.VolumeCapability(
        accessType: .mount(.init()), accessMode: .init(mode: .singleNodeWriter))

    private func create(_ client: RPCClient, _ worker: Int, _ round: Int, _ samples: Samples) async throws -> String {
        var request = CSIv1.CreateVolumeRequest(
            name: "csictl-bench-\(getpid())-\(worker)-\(round)",
            capacityRange: .init(requiredBytes: volumeSize.bytes), volumeCapabilities: [Self.capability])
        for parameter in trial.parameters { request.parameters[parameter.key] = parameter.value }
        let reply = try await call(client, CSIv1.Controller.createVolume, request, samples)
        return reply.volume?.volumeID ?? ""
    }

    private func call<Request: ProtoMessage, Reply: ProtoMessage>(
        _ client: RPCClient, _ method: RPCMethod<Request, Reply>, _ request: Request, _ samples: Samples
    ) async throws -> Reply {
        let startedAt = ContinuousClock.now
        do throws(RPCError) {
            let reply = try await client.unary(method, request, timeout: .seconds(global.timeout))
            samples.add(method.name, ContinuousClock.now - startedAt)
            return reply
        } catch {
            GlobalOptions.complain("\(method.name): \(error.code.name): \(error.message)")
            throw ExitCode(1)
        }
    }

    private struct Report: Encodable {
        let method: String
        let calls: Int
        let callsPerSecond: Double
        let p50Milliseconds: Double
        let p90Milliseconds: Double
        let p99Milliseconds: Double
        let maximumMilliseconds: Double
    }

    private func show(_ samples: Samples, took: Duration) throws {
        let reports = samples.all.sorted { $0.key < $1.key }.map { method, times in
            let sorted = times.sorted()
            return Report(
                method: method, calls: sorted.count,
                callsPerSecond: Double(sorted.count) / max(took / .seconds(1), 0.001),
                p50Milliseconds: Samples.quantile(0.5, of: sorted), p90Milliseconds: Samples.quantile(0.9, of: sorted),
                p99Milliseconds: Samples.quantile(0.99, of: sorted),
                maximumMilliseconds: Samples.quantile(1, of: sorted))
        }
        if global.json { return try Output.json(["methods": reports]) }
        Output.table(
            ["METHOD", "CALLS", "PER SECOND", "P50 MS", "P90 MS", "P99 MS", "MAX MS"],
            reports.map { report in
                [report.method, "\(report.calls)"]
                    + [
                        report.callsPerSecond, report.p50Milliseconds, report.p90Milliseconds, report.p99Milliseconds,
                        report.maximumMilliseconds,
                    ].map(Samples.text)
            })
    }
}

/// How long calls took, by method.
final class Samples: Sendable {
    private let times = Guarded<[String: [Duration]]>([:])

    func add(_ method: String, _ time: Duration) {
        times.withLock { $0[method, default: []].append(time) }
    }

    var all: [String: [Duration]] { times.withLock { $0 } }

    /// The time, in milliseconds, that this share of sorted times does not exceed.
    static func quantile(_ share: Double, of sorted: [Duration]) -> Double {
        guard !sorted.isEmpty else { return 0 }
        let position = Int((share * Double(sorted.count)).rounded(.up)) - 1
        return sorted[min(max(position, 0), sorted.count - 1)] / .milliseconds(1)
    }

    /// With three decimals.
    static func text(_ value: Double) -> String {
        let thousandths = Int64((value * 1000).rounded())
        let rest = String(thousandths % 1000)
        return "\(thousandths / 1000)." + String(repeating: "0", count: max(0, 3 - rest.count)) + rest
    }
}
