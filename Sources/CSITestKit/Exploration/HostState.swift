import CSIHost
import SystemPackage

/// Everything of a fake host that outlives a process, in a form that can be compared and printed.
struct HostState: Sendable, Hashable {
    let lines: Set<String>

    /// - Parameter ignoring: names whose content differs from run to run, for example a record with a time stamp.
    /// - Parameter elsewhere: lines about what is not on the machine.
    init(of host: FakeHost, ignoring: @Sendable (FilePath) -> Bool, elsewhere: [String] = []) {
        var lines = Set(elsewhere)
        for path in host.paths(below: "/") {
            let content =
                ignoring(path) ? "..." : host.sparseContent(of: path).map { "\($0.count) bytes \($0.hashValue)" }
            let permissions = host.metadata(of: path)?.permissions.rawValue ?? 0
            lines.insert("\(path) \(String(permissions, radix: 8)) \(content ?? "")")
        }
        for entry in host.mountTable.entries {
            lines.insert("mount \(entry.mountPoint) of \(entry.origin) \(entry.mountOptions.joined(separator: ","))")
        }
        lines.formUnion(host.quotaLines)
        self.lines = lines
    }

    /// What is here and not there, and the other way round; empty when both are the same.
    func difference(to expected: HostState) -> String {
        let extra = lines.subtracting(expected.lines).sorted().map { "+ \($0)" }
        let missing = expected.lines.subtracting(lines).sorted().map { "- \($0)" }
        return (extra + missing).joined(separator: "\n")
    }
}
