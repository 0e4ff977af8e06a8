import ArgumentParser
import CSICore
import CSIHost
import CSIMain
import CSIProgram
import SystemPackage

struct VolumesCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "volumes",
        abstract: "Shows what is on this node: on disk, attached, mounted, promised, set aside.",
        discussion: """
            Reads the pool and the kernel's tables, and asks no driver: it works while the driver is down. Run it where the \
            driver runs: in its container, or on the node.
            """)

    @OptionGroup var global: GlobalOptions
    @OptionGroup var selection: DriverSelection

    @Flag(help: "Show also where each volume is mounted, and what its record holds.")
    var long = false

    func run() async throws {
        let pools = try await Self.pools(selection, ProgressBar(isWanted: !global.json))
        if global.json { return try Output.json(["pools": pools]) }
        for pool in pools { show(pool) }
        if pools.isEmpty { print("no driver of this machine keeps volumes on it") }
    }

    /// The pools of all drivers of this machine, each once.
    static func pools(_ selection: DriverSelection, _ progress: ProgressBar) async throws -> [PoolState] {
        let host = LinuxHost()
        var pools: [PoolState] = []
        for settings in try DriverSettings.select(selection, environment: ProcessEnvironment.variables()) {
            let configuration: DriverConfiguration
            switch settings.configuration {
            case .success(let read): configuration = read
            case .failure(let mistakes): throw ValidationError(mistakes.lines.joined(separator: "\n"))
            }
            for pool in configuration.pools where !pools.contains(where: { $0.path == pool.path.string }) {
                do throws(CSIError) {
                    pools.append(try await PoolState.look(at: pool, of: configuration, on: host, progress: progress))
                } catch {
                    GlobalOptions.complain(error.message)
                    throw ExitCode(1)
                }
            }
        }
        return pools
    }

    private func show(_ pool: PoolState) {
        let size = ByteSize(bytes: pool.capacityBytes)
        print(
            "pool \(pool.path) of \(pool.driver): \(size), \(ByteSize(bytes: pool.usedBytes)) used, "
                + "\(ByteSize(bytes: pool.promisedBytes)) promised to \(pool.volumes.count) volumes")
        Output.table(VolumeState.header, pool.volumes.map(\.row))
        if long { pool.volumes.forEach(showMounts) }
        for snapshot in pool.snapshots {
            print(
                Output.printable(
                    "snapshot \(snapshot.id) of \(snapshot.sourceVolumeID ?? "?")"
                        + (snapshot.problem.map { ": set aside: \($0)" } ?? "")))
        }
        for volume in pool.volumes {
            if let problem = volume.problem { print(Output.printable("set aside: \(problem)")) }
        }
        if !pool.leftovers.isEmpty { print("\(pool.leftovers.count) leftovers: see csictl gc --dry-run") }
    }

    private func showMounts(_ volume: VolumeState) {
        var lines = [volume.id + (volume.name.map { " (\($0))" } ?? "")]
        if let source = volume.source { lines.append("  copied from \(source)") }
        if let staged = volume.stagedAt { lines.append("  staged at \(staged)") }
        lines += volume.mounts.map {
            "  mounted at \($0.path)" + ($0.isReadOnly ? ", read-only" : "") + ($0.isAbnormal ? ", ABNORMAL" : "")
        }
        Output.lines(lines)
    }
}
