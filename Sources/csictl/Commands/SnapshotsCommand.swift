import ArgumentParser

struct SnapshotsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "snapshots",
        abstract: "Shows the snapshots on this node: of which volume, how large, whether ready, since when.",
        discussion: """
            Reads the pool, and asks no driver: it works while the driver is down. Run it where the driver runs: in its \
            container, or on the node.
            """)

    @OptionGroup var global: GlobalOptions
    @OptionGroup var selection: DriverSelection

    @Flag(help: "Show also the name of each snapshot, what it holds, and its group.")
    var long = false

    private struct Pool: Encodable {
        let driver: String
        let pool: String
        let path: String
        let snapshots: [SnapshotState]
    }

    func run() async throws {
        let pools = try await VolumesCommand.pools(selection, ProgressBar(isWanted: !global.json)).map {
            Pool(driver: $0.driver, pool: $0.pool, path: $0.path, snapshots: $0.snapshots)
        }
        if global.json { return try Output.json(["pools": pools]) }
        for pool in pools { show(pool) }
        if pools.isEmpty { print("no driver of this machine keeps volumes on it") }
    }

    private func show(_ pool: Pool) {
        let unready = pool.snapshots.count { $0.state == "not ready" }
        print(
            "pool \(pool.path) of \(pool.driver): \(pool.snapshots.count) snapshots"
                + (unready > 0 ? ", \(unready) not ready" : ""))
        Output.table(SnapshotState.header, pool.snapshots.map(\.row))
        if long { pool.snapshots.forEach(showDetails) }
        for snapshot in pool.snapshots {
            if let problem = snapshot.problem { print(Output.printable("set aside: \(problem)")) }
        }
    }

    private func showDetails(_ snapshot: SnapshotState) {
        var lines = [snapshot.id + (snapshot.name.map { " (\($0))" } ?? "")]
        if let content = snapshot.content { lines.append("  holds \(content == "image" ? "an image" : "a directory")") }
        if let group = snapshot.group { lines.append("  of group \(group)") }
        Output.lines(lines)
    }
}
