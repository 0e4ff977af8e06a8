import ArgumentParser
import CSICore
import CSIHost
import CSIHostPath
import CSILoopback
import CSINFS
import CSIPool
import CSIPreflight
import CSIProgram
import CSITransport
import Logging
import SystemPackage
import Testing

@testable import CSIMain

@Suite("Configuration of the programs")
struct DriverConfigurationTests {
    private static let good = [
        "CSI_ENDPOINT": "unix:///run/csi/csi.sock", "SWIFT_CSI_BACKEND": "hostpath", "SWIFT_CSI_NODE_ID": "node-1",
        "SWIFT_CSI_POOL": "/pool", "PATH": "/bin",
    ]

    private func configuration(_ arguments: [String], _ environment: [String: String]) throws -> DriverConfiguration {
        try DriverConfiguration(options: DriverOptions.parse(arguments), environment: environment)
    }

    private func mistakes(_ arguments: [String], _ environment: [String: String]) throws -> [String] {
        let error = #expect(throws: ConfigurationMistakes.self) { try configuration(arguments, environment) }
        return try #require(error).lines
    }

    @Test("Everything can come from flags or from the environment, and a flag wins")
    func sources() throws {
        let fromEnvironment = try configuration([], Self.good)
        #expect(fromEnvironment.serving.endpoint.path == "/run/csi/csi.sock")
        let flags = [
            "--backend", "hostpath", "--endpoint", "unix:///a/b.sock", "--node-id", "n", "--pool", "/p",
            "--driver-name",
            "my.driver", "--log-level", "debug", "--log-format", "json",
        ]
        let fromFlags = try configuration(flags, Self.good)
        #expect(fromFlags.serving.endpoint.path == "/a/b.sock")
        #expect(fromFlags.serving.logLevel == .debug)
        #expect(fromFlags.serving.logFormat == .json)
        guard case .hostPath(let hostPath) = fromFlags.backend else { return }
        #expect(hostPath.info.name == "my.driver")
        #expect(hostPath.nodeID.rawValue == "n")
        #expect(hostPath.pools == [.init(path: "/p")])
        #expect(!hostPath.requiresQuota)
    }

    @Test("Pools have names, from flags or from one variable")
    func pools() throws {
        let flags = ["--pool", "fast=/mnt/nvme", "--pool", "/srv", "--pool", "bulk-1=/mnt/a=b", "--require-quota"]
        var environment = Self.good
        for (arguments, text) in [(flags, ""), (["--require-quota"], "fast=/mnt/nvme,/srv,bulk-1=/mnt/a=b")] {
            environment["SWIFT_CSI_POOL"] = text
            guard case .hostPath(let hostPath) = try configuration(arguments, environment).backend else { return }
            #expect(
                hostPath.pools == [
                    .init(name: "fast", path: "/mnt/nvme"), .init(path: "/srv"),
                    .init(name: "bulk-1", path: "/mnt/a=b"),
                ])
            #expect(hostPath.requiresQuota)
            #expect(hostPath.policy == PoolPolicy(reserve: .percent(5), overcommitPercent: 100))
        }
    }

    @Test("All mistakes are reported at once, each naming its flag or variable")
    func allAtOnce() throws {
        let lines = try mistakes(
            ["--log-level", "loud", "--endpoint", "tcp://1.2.3.4:5", "--bogus", "--pool", "relative"],
            ["SWIFT_CSI_LOG_FORMAT": "xml", "SWIFT_CSI_NODEID": "typo", "SWIFT_CSI_BACKEND": "zfs"])
        for part in [
            "--log-level: must be trace", "--endpoint: ", "--bogus", "--pool: must be an absolute path",
            "SWIFT_CSI_LOG_FORMAT: must be text, json", "SWIFT_CSI_NODEID",
            "--node-id (or SWIFT_CSI_NODE_ID) is required",
            "SWIFT_CSI_BACKEND: must be hostpath",
        ] {
            #expect(lines.filter { $0.contains(part) }.count == 1, "\(part) in \(lines)")
        }
        #expect(lines.count == 8)
        #expect(lines.allSatisfy { !$0.contains("\n") })
    }

    @Test(
        "One mistake, one line",
        arguments: [
            (["--driver-name", "1bad"], "--driver-name: driver name must be"),
            (["--node-id", ""], "--node-id: node_id is required"),
            (["--node-id", String(repeating: "n", count: 64)], "topology segment"), (["--pool", "p"], "--pool"),
            (["--endpoint", "unix://relative.sock"], "--endpoint"), (["--log-format", ""], "--log-format"),
            (["stray"], "stray"), (["--max-volumes-per-node", "9"], "is for the loopback backend"),
            (["--pool", "Fast=/p"], "--pool: must name a pool"),
            (["--pool", "a=p"], "--pool: must be an absolute path"),
            (["--pool", "/p", "--pool", "/q"], "--pool: gives two pools no name, /p and /q"),
            (["--pool", "a=/p,a=/q"], "--pool: gives two pools the name a"),
            (["--backend", "loopback", "--pool", "a=/p"], "--pool: takes one directory"),
            (["--backend", "loopback", "--require-quota"], "is for the hostpath backend"),
            (["--backend", "loopback", "--reserve", "5x"], "--reserve: must be a size"),
            (["--backend", "loopback", "--reserve", "101%"], "--reserve: must be a size"),
            (["--backend", "loopback", "--reserve", "99999999999Ti"], "--reserve: must be a size"),
            (["--backend", "loopback", "--overcommit", "0.5"], "--overcommit: must be a ratio"),
            (["--backend", "loopback", "--overcommit", "1.234"], "--overcommit: must be a ratio"),
            (["--backend", "loopback", "--max-volumes-per-node", "few"], "--max-volumes-per-node"),
        ])
    func single(arguments: [String], complaint: String) throws {
        let lines = try mistakes(arguments, Self.good)
        #expect(lines.count == 1)
        #expect(lines.first?.contains(complaint) == true, "\(lines)")
    }

    @Test("The loopback backend takes a reserve, a ratio and a limit")
    func loopback() throws {
        var environment = Self.good
        environment["SWIFT_CSI_BACKEND"] = "loopback"
        guard case .loopback(let usual) = try configuration([], environment).backend else { return }
        #expect(usual.info.name == "loopback.swift-csi.dev")
        #expect(usual.policy == PoolPolicy(reserve: .percent(5), overcommitPercent: 100))
        #expect(usual.maximumVolumesPerNode == 0)
        let flags = ["--reserve", "2Gi", "--overcommit", "1.5", "--max-volumes-per-node", "20"]
        guard case .loopback(let other) = try configuration(flags, environment).backend else { return }
        #expect(other.policy == PoolPolicy(reserve: .bytes(2 << 30), overcommitPercent: 150))
        #expect(other.maximumVolumesPerNode == 20)
    }

    @Test("The NFS backend takes shares, options, policies and times, and knows what it would do without")
    func nfs() throws {
        let environment = Self.good.merging(["SWIFT_CSI_BACKEND": "nfs", "SWIFT_CSI_POOL": ""]) { $1 }
        guard case .nfs(let usual, let network) = try configuration([], environment).backend else {
            Issue.record("another backend")
            return
        }
        #expect(usual.info.name == "nfs.swift-csi.dev")
        #expect(usual.shares == [] && usual.mountOptions == NFSMountOptions() && usual.onDelete == .delete)
        #expect(!usual.forcesUnmounts)
        #expect(network.mountHelper == .auto && network.patience == .seconds(20))

        let flags = [
            "--nfs-shares", "one.example:/a,[fd00::1]:/b c", "--nfs-mount-options", "nfsvers=4.1,sec=krb5p,xprtsec=tls",
            "--default-ondelete-policy", "archive", "--mount-helper", "always", "--server-timeout", "7",
            "--unmount-policy", "force",
        ]
        var variables = environment
        for (flag, value) in zip(flags.indices, flags).filter({ $0.0.isMultiple(of: 2) }).map({
            ($0.1, flags[$0.0 + 1])
        }) {
            let name = flag.dropFirst(2).uppercased().split(separator: "-").joined(separator: "_")
            variables["SWIFT_CSI_\(name)"] = value
        }
        for (arguments, environment) in [(flags, environment), ([], variables)] {
            guard case .nfs(let other, let network) = try configuration(arguments, environment).backend else {
                Issue.record("another backend")
                return
            }
            #expect(
                other.shares == [
                    try NFSLocation(server: "one.example", path: "/a"),
                    try NFSLocation(server: "fd00::1", path: "/b c"),
                ])
            #expect(other.mountOptions == (try NFSMountOptions(mountFlags: ["vers=4.1", "sec=krb5p", "xprtsec=tls"])))
            #expect(other.onDelete == .archive && other.forcesUnmounts)
            #expect(network.mountHelper == .always && network.patience == .seconds(7))
        }
    }

    @Test(
        "A mistake about NFS is one line",
        arguments: [
            (["--nfs-shares", "nfs.example/export"], "--nfs-shares: must be shares such as nfs.example:/export"),
            (["--nfs-shares", "nfs.example:/../etc"], "--nfs-shares: has a share whose path must not contain"),
            (["--nfs-mount-options", "addr=10.0.0.1"], "the driver resolves the server's name itself"),
            (["--nfs-mount-options", "sec=ntlm"], "it takes one of"),
            (["--nfs-mount-options", "xprtsec=ssl"], "it takes one of mtls, none, tls"),
            (["--default-ondelete-policy", "keep"], "--default-ondelete-policy: must be delete, retain, archive"),
            (["--mount-helper", "sometimes"], "--mount-helper: must be auto, always, never"),
            (["--server-timeout", "1"], "--server-timeout: must be a number of seconds from 2 to 600"),
            (["--server-timeout", "soon"], "--server-timeout: must be a number of seconds from 2 to 600"),
            (["--unmount-policy", "hard"], "--unmount-policy: must be lazy, force"),
            (["--pool", "/p"], "--pool: is not for the nfs backend"),
            (["--backend", "hostpath", "--pool", "/p", "--mount-helper", "auto"], "is for the nfs backend"),
        ])
    func nfsMistakes(arguments: [String], complaint: String) throws {
        let environment = Self.good.merging(["SWIFT_CSI_BACKEND": "nfs", "SWIFT_CSI_POOL": ""]) { $1 }
        let lines = try mistakes(arguments, environment)
        #expect(lines.count == 1, "\(lines)")
        #expect(lines.first?.contains(complaint) == true, "\(lines)")
    }

    @Test("An empty variable counts as not set")
    func emptyVariable() throws {
        var environment = Self.good
        environment["SWIFT_CSI_LOG_LEVEL"] = ""
        #expect(try configuration([], environment).serving.logLevel == .info)
    }

    @Test("What an operator wants to be waited for becomes a check")
    func places() throws {
        func need(_ check: String, _ arguments: [String]) throws -> PreflightCheck.Need? {
            try DriverConfiguration(commandLine: arguments, isNode: true, environment: Self.good).preflight.checks
                .first { $0.name == check }?.need
        }
        #expect(try need("pool.mount", []) == nil)
        #expect(try need("pool.mount", ["--require-pool-mount"]) == .awaited)
        #expect(try need("mounts.shared", []) == nil)
        #expect(try need("mounts.shared", ["--kubelet-dir", "/var/lib/kubelet"]) == .awaited)
        #expect(try need("pool.directory", []) == .required)
        #expect(try need("capability.CAP_SYS_ADMIN", []) == .required)
        #expect(try need("loop.control", []) == .recommended)
        #expect(try need("loop.control", ["--backend", "loopback"]) == .awaited)
    }

    @Test("The command line of another process is read as that process reads it, mistakes included")
    func commandLines() throws {
        let arguments = ["--backend", "loopback", "--reserve=1Gi", "--with-controller"]
        let node = try DriverConfiguration(commandLine: arguments, isNode: true, environment: Self.good)
        #expect(node.driverName == "loopback.swift-csi.dev")
        #expect(node.serving.role == .all)
        #expect(node.pools.map(\.path.string) == ["/pool"])
        for (wrong, word) in [
            (["--kubelet-dir", "relative"], "--kubelet-dir"), (["--nonsense"], "--nonsense"), (["--pool"], "--pool"),
        ] {
            let error = #expect(throws: ConfigurationMistakes.self) {
                try DriverConfiguration(commandLine: wrong, isNode: true, environment: Self.good)
            }
            #expect(error?.lines.contains { $0.contains(word) } == true, "\(error?.lines ?? [])")
        }
    }

    @Test("Each backend describes itself once, and no metric two ways")
    func backends() throws {
        let metrics = StockBackend.sharedMetrics + StockBackend.all.flatMap(\.metrics)
        for metric in metrics {
            #expect(metrics.allSatisfy { $0.name != metric.name || $0 == metric })
            #expect(!metric.help.isEmpty && metric.help.hasSuffix("."))
        }
        // The message for a backend that does not exist names those that do.
        let refusal = try #require(try mistakes(["--backend", "?"], Self.good).first)
        let words = refusal.split(whereSeparator: { ", :".contains($0) }).map(String.init)
        let known = words.drop { $0 != "be" }.dropFirst().prefix { $0 != "and" }
        #expect(Set(known) == Set(StockBackend.all.map(\.name)), "\(refusal)")
        #expect(Set(StockBackend.all.map(\.name)).count == StockBackend.all.count)
        for backend in StockBackend.all {
            let keys = backend.parameters.map { "\($0.scope) \($0.name)" }
            #expect(Set(keys).count == keys.count)
        }
    }
}
