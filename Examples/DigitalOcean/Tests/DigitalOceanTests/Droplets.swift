import CSICore
import CSIProto
import CSITransport
import FakeDigitalOcean
import Foundation

/// The real programs against the fake of the API, on this machine: real loop devices, file systems and mounts.
///
/// It needs root, in a mount namespace of its own, which `dev/example` makes.
final class Droplets {
    static let areAllowed = ProcessInfo.processInfo.environment["SWIFT_CSI_TEST_MOUNTS"] == "1"

    /// Where the programs are: beside the tests, or where figures are wanted of others.
    static let programs =
        ProcessInfo.processInfo.environment["PROGRAMS"].map { URL(filePath: $0, directoryHint: .isDirectory) }
        ?? URL(filePath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()

    let root: URL
    let machines: LoopMachines
    let cloud: FakeCloud
    let server: FakeServer
    private(set) var controller: Program
    private(set) var nodes: [Int: Program] = [:]

    /// One of the two programs, running.
    struct Program {
        let process: Process
        let client: RPCClient
        let socket: String

        var id: Int32 { process.processIdentifier }

        /// A file as the program sees it, whatever mount namespace it is in.
        func file(_ path: String) -> URL { URL(filePath: "/proc/\(id)").appending(path: "root" + path) }

        /// The memory that it holds, in KiB.
        var residentMemory: Int { memory("VmRSS") }

        /// That without the pages of files, which the kernel takes away and brings back as it likes.
        var anonymousMemory: Int { memory("RssAnon") }

        private func memory(_ field: String) -> Int {
            let status = (try? String(contentsOfFile: "/proc/\(id)/status", encoding: .utf8)) ?? ""
            let line = status.split(separator: "\n").first { $0.hasPrefix("\(field):") }
            return line.flatMap { Int($0.filter(\.isNumber)) } ?? 0
        }
    }

    init(actionTime: Duration = .zero) async throws {
        root = FileManager.default.temporaryDirectory.appending(path: "do-csi-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: root, withIntermediateDirectories: false)
        try Self.run("mount", "-t", "tmpfs", "-o", "size=4g", "do-csi-test", root.path())
        machines = LoopMachines(root.path())
        cloud = FakeCloud(machines: machines)
        cloud.actionTime = actionTime
        server = try await FakeServer(cloud)
        try Self.run("mkdir", "-p", "/dev/disk")
        let token = root.appending(path: "token")
        try "\(cloud.token)\n".write(to: token, atomically: true, encoding: .utf8)
        controller = try await Self.controller(root, server)
    }

    private static func controller(_ root: URL, _ server: FakeServer) async throws -> Program {
        try await launch(
            root, "do-csi-controller",
            [
                "--region", "nyc1", "--api-url", server.address, "--access-token-file",
                root.appending(path: "token").path(),
            ],
            prefix: [])
    }

    /// Starts the program of a droplet: in a mount namespace of its own, or in that of the tests.
    func start(_ droplet: Int, isolated: Bool = true) async throws -> Program {
        let disks = machines.disks(of: droplet)
        var prefix: [String] = []
        if isolated {
            let script = #"mount --bind "$0" /dev/disk && exec "$@""#
            prefix = ["unshare", "--mount", "--propagation", "private", "sh", "-c", script, disks]
        } else {
            try Self.run("mount", "--bind", disks, "/dev/disk")
        }
        for name in ["staging", "pods"] {
            try FileManager.default.createDirectory(
                at: root.appending(path: "\(name)-\(droplet)"), withIntermediateDirectories: true)
        }
        let node = try await Self.launch(
            root, "do-csi-node",
            [
                "--metadata-url", server.metadata(of: droplet), "--notes",
                root.appending(path: "notes-\(droplet)").path(),
            ],
            prefix: prefix, name: "node-\(droplet)")
        nodes[droplet] = node
        return node
    }

    /// Whether the disk of a volume says that mkfs has begun.
    func isMarked(_ volume: CSIv1.Volume) throws -> Bool {
        let disk = try FileHandle(forReadingFrom: root.appending(path: "\(volume.volumeID).img"))
        defer { try? disk.close() }
        try disk.seek(toOffset: 60 << 20)
        return try disk.read(upToCount: 9) == Data("swift-csi".utf8)
    }

    /// Kills the controller, as the kernel does, and starts another one.
    func killController() async throws {
        kill(controller.id, SIGKILL)
        controller.process.waitUntilExit()
        controller.client.close()
        controller = try await Self.controller(root, server)
    }

    /// Kills the program of a droplet, as the kernel does, and starts another one.
    func killNode(_ droplet: Int) async throws {
        guard let node = nodes[droplet] else { return }
        kill(node.id, SIGKILL)
        node.process.waitUntilExit()
        node.client.close()
        _ = try await start(droplet)
    }

    private static func launch(
        _ root: URL, _ program: String, _ arguments: [String], prefix: [String], name: String? = nil
    ) async throws -> Program {
        let socket = root.appending(path: "\(name ?? program).sock").path()
        let log = root.appending(path: "\(name ?? program).log")
        if !FileManager.default.fileExists(atPath: log.path()) {
            _ = FileManager.default.createFile(atPath: log.path(), contents: nil)
        }
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments =
            prefix + [programs.appending(path: program).path(), "--endpoint", "unix://\(socket)"] + arguments
        let output = try FileHandle(forWritingTo: log)
        try output.seekToEnd()
        process.standardOutput = output
        process.standardError = output
        try process.run()
        let endpoint = try Endpoint(parsing: "unix://\(socket)")
        for _ in 0..<500 {
            if let client = try? await RPCClient.connect(to: endpoint, timeout: .milliseconds(500)) {
                let reply = try? await client.unary(CSIv1.Identity.probe, .init(), timeout: .seconds(5))
                if reply?.ready?.value == true { return Program(process: process, client: client, socket: socket) }
                client.close()
            }
            try await Task.sleep(for: .milliseconds(20))
        }
        process.terminate()
        throw TestFailure(
            what: "\(program) does not answer: \((try? String(contentsOf: log, encoding: .utf8)) ?? "")")
    }

    /// Everything that the programs have logged.
    var logs: String {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: root.path())) ?? []
        return names.filter { $0.hasSuffix(".log") }.map {
            (try? String(contentsOf: root.appending(path: $0), encoding: .utf8)) ?? ""
        }
        .joined()
    }

    func stop() async throws {
        for program in [controller] + nodes.values {
            program.client.close()
            program.process.terminate()
            program.process.waitUntilExit()
        }
        for volume in cloud.volumes { cloud.removeByHand(volume.id) }
        await server.stop()
        try? Self.run("umount", "/dev/disk")
        try? Self.run("rmdir", "/dev/disk")
        try Self.run("umount", "--recursive", "--lazy", root.path())
        try FileManager.default.removeItem(at: root)
    }

    static func run(_ words: String...) throws {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = words
        process.standardError = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else {
            throw TestFailure(what: "\(words.joined(separator: " ")) ended with \(process.terminationStatus)")
        }
    }
}

struct TestFailure: Error {
    let what: String
}

/// The calls of a caller, with its patience.
extension Droplets {
    static let capability = CSIv1.VolumeCapability(
        accessType: .mount(.init(fsType: "ext4")), accessMode: .init(mode: .singleNodeWriter))

    private func staging(_ droplet: Int) -> String { root.appending(path: "staging-\(droplet)").path() }
    func target(_ droplet: Int) -> String { root.appending(path: "pods-\(droplet)/target").path() }

    func create(_ name: String) async throws -> CSIv1.Volume {
        let reply = try await controller.client.unary(
            CSIv1.Controller.createVolume,
            .init(
                name: name, capacityRange: .init(requiredBytes: 1 << 30), volumeCapabilities: [Self.capability]),
            timeout: .seconds(60))
        return reply.volume ?? .init()
    }

    func attach(_ volume: CSIv1.Volume, to droplet: Int) async throws -> ProtoMap<String, String> {
        try await Self.repeating { () async throws(RPCError) in
            try await controller.client.unary(
                CSIv1.Controller.controllerPublishVolume,
                .init(volumeID: volume.volumeID, nodeID: "\(droplet)", volumeCapability: Self.capability),
                timeout: .seconds(15)
            ).publishContext
        }
    }

    /// Repeats what is answered ABORTED or UNAVAILABLE, or not in time, as the callers of CSI do.
    private static func repeating<Answer>(
        _ call: () async throws(RPCError) -> Answer
    ) async throws -> Answer {
        for _ in 0..<50 {
            do throws(RPCError) {
                return try await call()
            } catch {
                guard [.aborted, .unavailable, .deadlineExceeded].contains(error.code) else { throw error }
                try await Task.sleep(for: .milliseconds(200))
            }
        }
        throw TestFailure(what: "a call that is repeated never succeeds")
    }

    func stageRequest(
        _ volume: CSIv1.Volume, _ context: ProtoMap<String, String>, on droplet: Int
    ) -> CSIv1.NodeStageVolumeRequest {
        .init(
            volumeID: volume.volumeID, publishContext: context, stagingTargetPath: staging(droplet),
            volumeCapability: Self.capability, volumeContext: volume.volumeContext)
    }

    func publish(_ volume: CSIv1.Volume, _ context: ProtoMap<String, String>, on droplet: Int) async throws {
        guard let client = nodes[droplet]?.client else { return }
        let staged = stageRequest(volume, context, on: droplet)
        // What a node that was killed has left may hold the disk for a moment.
        _ = try await Self.repeating { () async throws(RPCError) in
            try await client.unary(CSIv1.Node.nodeStageVolume, staged, timeout: .seconds(60))
        }
        _ = try await client.unary(
            CSIv1.Node.nodePublishVolume,
            .init(
                volumeID: volume.volumeID, publishContext: context, stagingTargetPath: staging(droplet),
                targetPath: target(droplet), volumeCapability: Self.capability, volumeContext: volume.volumeContext),
            timeout: .seconds(60))
    }

    func release(_ volume: CSIv1.Volume, from droplet: Int) async throws {
        guard let client = nodes[droplet]?.client else { return }
        _ = try await client.unary(
            CSIv1.Node.nodeUnpublishVolume, .init(volumeID: volume.volumeID, targetPath: target(droplet)),
            timeout: .seconds(60))
        _ = try await client.unary(
            CSIv1.Node.nodeUnstageVolume, .init(volumeID: volume.volumeID, stagingTargetPath: staging(droplet)),
            timeout: .seconds(60))
        _ = try await controller.client.unary(
            CSIv1.Controller.controllerUnpublishVolume, .init(volumeID: volume.volumeID, nodeID: "\(droplet)"),
            timeout: .seconds(60))
    }
}
