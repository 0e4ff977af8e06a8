import CSITestKit
import Glibc
import SystemPackage
import Testing

@testable import CSIHost

/// A host and what it reaches over the network.
struct NetworkRig: Sendable {
    let rig: any HostRig
    let network: any NetworkFileSystems
    /// An export that root may write to, which other tests use as well.
    let export: NFSLocation
    /// One whose server takes root for nobody.
    let squashed: NFSLocation
    /// A machine that serves nothing.
    let refusing: NFSLocation

    /// The kinds of hosts that reach servers: the machine does where `CSI_TEST_NFS` names one, as dev/kernel-tests has it.
    static var available: [HostKind] { server == nil ? [.fake] : [.fake, .linux] }

    private static var server: String? { getenv("CSI_TEST_NFS").map { String(cString: $0) } }

    static func with(_ kind: HostKind, _ body: (NetworkRig) async throws -> Void) async throws {
        let server = kind == .fake ? "nfs.example" : try #require(server)
        func location(_ path: FilePath) throws -> NFSLocation { try NFSLocation(server: server, path: path) }
        try await withHost(kind) { rig in
            var network = rig.host.network
            var refusing = try NFSLocation(server: "127.0.0.1", path: "/export")
            if let fake = rig.host as? FakeHost {
                fake.addExport(try location("/export"), at: "/servers/export")
                fake.addExport(try location("/squashed"), at: "/servers/squashed", squashesRoot: true)
                refusing = try NFSLocation(server: "refusing.example", path: "/export")
                fake.addExport(refusing, at: "/servers/refusing")
                fake.setServer("refusing.example", .refusing)
            } else {
                let settings = NetworkFileSystemSettings(helper: [HelperTests.program, NetworkHelper.argument])
                network = LinuxHost(network: settings).network
            }
            try await body(
                NetworkRig(
                    rig: rig, network: network, export: try location("/export"), squashed: try location("/squashed"),
                    refusing: refusing))
        }
    }

    /// A directory of its own in the export, for one test.
    func directory(_ name: String) async throws -> NFSLocation {
        let tree = try await network.openExport(export, options: options, for: "setup")
        try await tree.createDirectory(FilePath(name), permissions: FilePermissions(rawValue: 0o755))
        return export.appending(FilePath(name))
    }

    let options: NFSMountOptions

    init(
        rig: any HostRig, network: any NetworkFileSystems, export: NFSLocation, squashed: NFSLocation,
        refusing: NFSLocation
    )
        throws
    {
        (self.rig, self.network, self.export, self.squashed, self.refusing) = (rig, network, export, squashed, refusing)
        options = try NFSMountOptions(mountFlags: ["vers=4.2"])
    }
}

@Suite("Network file systems, on every host", .timeLimit(.minutes(5)))
struct NetworkContractTests {
    @Test("An export is worked in without being mounted anywhere", arguments: NetworkRig.available)
    func export(kind: HostKind) async throws {
        try await NetworkRig.with(kind) { rig in
            let before = try await rig.rig.mounts.mountTable().entries.count
            let location = try await rig.directory("contract-export")
            let tree = try await rig.network.openExport(location, options: rig.options, for: "work")
            try await tree.createDirectory("d", permissions: FilePermissions(rawValue: 0o2750))
            #expect(try await tree.metadata(of: "d")?.permissions == FilePermissions(rawValue: 0o2750))
            try await tree.writeFileDurably("d/f", [1, 2, 3])
            try await tree.renameDurably(from: "d/f", to: "g")
            #expect(try await tree.list("", limit: 10).map(\.name.string).sorted() == ["d", "g"])
            try await tree.copyTree(from: try await tree.openDirectory("d"), to: "copy", options: TreeCopyOptions())
            #expect(try await tree.metadata(of: "copy")?.permissions == FilePermissions(rawValue: 0o2750))
            #expect(try await tree.capacity().totalBytes > 0)
            // Whoever opens it again finds it.
            let again = try await rig.network.openExport(rig.export, options: rig.options, for: "other work")
            #expect(try await again.readFile("contract-export/g", limit: 9) == [1, 2, 3])
            try await again.removeTree("contract-export")
            #expect(try await again.metadata(of: "contract-export") == nil)
            #expect(try await rig.rig.mounts.mountTable().entries.count == before)
            #expect(await rig.network.stuckWork() == [])
        }
    }

    @Test("What cannot be opened or mounted says why", arguments: NetworkRig.available)
    func refusals(kind: HostKind) async throws {
        try await NetworkRig.with(kind) { rig in
            let nowhere = try NFSLocation(server: rig.export.server, path: "/nowhere")
            let missing = rig.export.appending("contract-missing")
            try await rig.rig.makeDirectories("target")
            let target = rig.rig.scratch.appending("target")
            for (location, expected) in [
                (nowhere, HostError.Kind.notFound), (missing, .notFound), (rig.refusing, .unreachable),
            ] {
                let opened = await failure {
                    try await rig.network.openExport(location, options: rig.options, for: "work")
                }
                #expect(opened == expected, "\(location)")
                let mounted = await failure {
                    try await rig.network.mount(location, at: target, options: rig.options)
                }
                #expect(mounted == expected, "\(location)")
            }
            let absent = await failure {
                try await rig.network.mount(rig.export, at: rig.rig.scratch.appending("absent"), options: rig.options)
            }
            #expect(absent == .notFound)
            #expect(await failure { try await rig.network.openDirectory("relative", for: "w", patience: nil) } != nil)
            #expect(
                await failure { try await rig.network.openDirectory("/absent", for: "w", patience: nil) } == .notFound)
            #expect(try await rig.rig.mounts.mountTable().topmost(at: target) == nil)
        }
    }

    @Test("A server that squashes root lets nobody create where only root may", arguments: NetworkRig.available)
    func squashed(kind: HostKind) async throws {
        try await NetworkRig.with(kind) { rig in
            let tree = try await rig.network.openExport(rig.squashed, options: rig.options, for: "work")
            let refused = await failure {
                try await tree.createDirectory("d", permissions: FilePermissions(rawValue: 0o755))
            }
            #expect(refused == .permissionDenied)
        }
    }

    @Test("A mount is what was asked for, is bound read-only, and goes", arguments: NetworkRig.available)
    func mounts(kind: HostKind) async throws {
        try await NetworkRig.with(kind) { rig in
            let location = try await rig.directory("contract-mounts")
            try await rig.rig.makeDirectories("staged", "pod")
            let (staged, pod) = (rig.rig.scratch.appending("staged"), rig.rig.scratch.appending("pod"))
            var options = rig.options
            options.flags = .noExec
            let entry = try await rig.network.mount(location, at: staged, options: options)
            #expect(entry.source == location.description && entry.filesystemType == "nfs4")
            #expect(entry.mountPoint == staged && entry.bindOptions == .noExec)
            let bound = try await rig.network.bindMount(source: staged, at: pod, options: [.readOnly, .noExec])
            #expect(bound.isReadOnly && bound.source == location.description)
            #expect(rig.rig.applicationWrites(staged.appending("f"), [1]))
            #expect(!rig.rig.applicationWrites(pod.appending("g"), [1]))
            #expect(rig.rig.content(of: pod.appending("f")) == [1])
            let tree = try await rig.network.openDirectory(pod, for: "stats", patience: .seconds(60))
            #expect(try await tree.list("", limit: 9).map(\.name.string) == ["f"])
            #expect(try await tree.capacity().totalBytes > 0)
            for path in [pod, staged] {
                let policy = UnmountPolicy.detaching(after: .seconds(60))
                #expect(try await rig.network.unmount(path, policy: policy).removed == 1)
                #expect(try await rig.network.unmount(path, policy: policy).removed == 0)
            }
            let export = try await rig.network.openExport(rig.export, options: rig.options, for: "cleaning")
            try await export.removeTree("contract-mounts")
        }
    }
}
