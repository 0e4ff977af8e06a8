import ArgumentParser
import CSICore
import CSIHost
import CSIMain
import CSIPool
import CSIProgram
import Glibc
import SystemPackage

struct CollectCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "gc",
        abstract: "Removes what crashes left: unfinished volumes, trash, unused loop devices, stale mounts.",
        discussion: """
            A driver does this itself when it starts; this is for a node whose driver cannot. Nothing that is used, and no \
            volume, is ever touched: unfinished volumes and trash go only while no controller manages the pool, devices and \
            mounts only when the kernel says that nobody uses them.
            """)

    @OptionGroup var global: GlobalOptions
    @OptionGroup var selection: DriverSelection

    @Flag(help: "Show what would go, and change nothing.")
    var dryRun = false

    @Flag(help: "Do not ask.")
    var yes = false

    private struct Result: Encodable {
        let kind: Leftover.Kind
        let path: String
        let volume: String?
        /// Why it stays; nil when it went or would go.
        let problem: String?
    }

    func run() async throws {
        let pools = try await VolumesCommand.pools(selection, ProgressBar(isWanted: !global.json))
        let found = pools.flatMap(\.leftovers)
        if !global.json {
            Output.table(["KIND", "VOLUME", "PATH"], found.map { [$0.kind.rawValue, $0.volume ?? "", $0.path] })
        }
        guard !dryRun, !found.isEmpty else {
            if global.json { return try Output.json(["leftovers": found]) }
            return print("\(found.count) leftovers" + (dryRun && !found.isEmpty ? "; nothing was changed" : ""))
        }
        guard yes || confirms(found.count) else { throw CleanExit.message("nothing was changed") }
        var results: [Result] = []
        for settings in try DriverSettings.select(selection, environment: ProcessEnvironment.variables()) {
            guard case .success(let configuration) = settings.configuration else { continue }
            for pool in configuration.pools {
                let leftovers = pools.first { $0.path == pool.path.string }?.leftovers ?? []
                let left = leftovers.filter { one in !results.contains { $0.path == one.path } }
                results += await collect(left, in: pool.path, configuration)
            }
        }
        if global.json {
            try Output.json(["leftovers": results])
        } else {
            for result in results {
                print(
                    Output.printable(
                        "\(result.problem == nil ? "removed" : "kept") \(result.path)"
                            + (result.problem.map { ": \($0)" } ?? "")))
            }
        }
        if results.contains(where: { $0.problem != nil }) { throw ExitCode(1) }
    }

    private func confirms(_ count: Int) -> Bool {
        guard isatty(STDIN_FILENO) == 1 else { return false }
        print("remove \(count) leftovers? [y/N] ", terminator: "")
        fflush(nil)
        return readLine()?.lowercased().hasPrefix("y") ?? false
    }

    private func collect(
        _ leftovers: [Leftover], in path: FilePath, _ configuration: DriverConfiguration
    ) async -> [Result] {
        let host = LinuxHost()
        var results: [Result] = []
        let onDisk = leftovers.filter { $0.kind == .partial || $0.kind == .trash }
        if !onDisk.isEmpty {
            // What a controller does at its start, under the lock that keeps controllers apart.
            let problem = await Self.problem { () async throws(CSIError) in
                let pool = configuration.pool(path, access: .manage, on: host, logger: .silent)
                try await pool.open()
                try await pool.rebuild()
            }
            results += onDisk.map { Result(kind: $0.kind, path: $0.path, volume: nil, problem: problem) }
        }
        for leftover in leftovers where leftover.kind == .device {
            let problem = await Self.problem { () async throws(CSIError) in
                try await Self.detach(leftover, path, configuration, host)
            }
            results.append(Result(kind: .device, path: leftover.path, volume: leftover.volume, problem: problem))
        }
        for leftover in leftovers where leftover.kind == .mount {
            let problem = await Self.problem { () async throws(CSIError) in
                do throws(HostError) {
                    try await host.mounts.unmount(FilePath(leftover.path), policy: .orderly(deadline: .seconds(2)))
                } catch {
                    throw .preconditionFailed(error.description)
                }
            }
            results.append(Result(kind: .mount, path: leftover.path, volume: leftover.volume, problem: problem))
        }
        return results
    }

    /// Detaches a device that nothing uses, unless a driver works on its volume just now.
    private static func detach(
        _ leftover: Leftover, _ path: FilePath, _ configuration: DriverConfiguration, _ host: any Host
    ) async throws(CSIError) {
        let pool = configuration.pool(path, access: .lookUp, on: host, logger: .silent)
        try await pool.openToLook()
        let id = try VolumeID(leftover.volume ?? "")
        // A volume that was removed has no lock, and nobody who could work on it.
        let lock = try await pool.record(id) == nil ? nil : try await pool.lockImage(of: id)
        defer { lock?.release() }
        guard try await pool.stagedBlock(of: id) == nil else { return }
        do throws(HostError) {
            let devices = try await host.loops.list()
            guard let device = devices.first(where: { $0.path.string == leftover.path && $0.name == id.rawValue })
            else {
                return
            }
            try await host.loops.detach(device, within: .zero)
        } catch {
            throw .preconditionFailed(error.description)
        }
    }

    /// Why something could not be done; nil when it could.
    private static func problem(_ body: () async throws(CSIError) -> Void) async -> String? {
        do throws(CSIError) {
            try await body()
            return nil
        } catch {
            return error.message
        }
    }
}
