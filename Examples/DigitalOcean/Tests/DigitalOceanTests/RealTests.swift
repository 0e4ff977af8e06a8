import CSIProto
import CSITestKit
import CSITransport
import FakeDigitalOcean
import Foundation
import Synchronization
import Testing

@Suite("The programs, real disks and mounts", .serialized, .enabled(if: Droplets.areAllowed))
struct RealTests {
    private static func with(actionTime: Duration = .zero, _ body: (Droplets) async throws -> Void) async throws {
        let droplets = try await Droplets(actionTime: actionTime)
        do {
            try await body(droplets)
        } catch {
            print(droplets.logs)
            try await droplets.stop()
            throw error
        }
        #expect(droplets.logs.contains(droplets.cloud.token) == false)
        try await droplets.stop()
    }

    @Test("do what callers expect, row by row", arguments: ConformanceConfiguration.AccessType.allCases)
    func conforms(accessType: ConformanceConfiguration.AccessType) async throws {
        try await Self.with { droplets in
            let node = try await droplets.start(1, isolated: false)
            var configuration = ConformanceConfiguration()
            configuration.accessType = accessType
            configuration.volumeSize = 1 << 30
            configuration.secondNodeID = "2"
            // Growing a mounted ext4 takes more than root in a container; XFS asks for less.
            configuration.fsType = "xfs"
            configuration.repeats = 1
            // Of raw devices what differs from the model: the kernel refuses writes, or accepts them.
            if accessType == .block { configuration.only = ["node-publish/*", "node-stage/*", "node-block/*"] }
            configuration.stagingDirectory = droplets.root.appending(path: "staging-1").path()
            configuration.targetDirectory = droplets.root.appending(path: "pods-1").path()
            let report = await Conformance(
                controller: droplets.controller.client, node: node.client, configuration: configuration
            ).run()
            #expect(report.failed.isEmpty, "\(report.text(including: [.failed]))")
            #expect(report.passed.count > (accessType == .block ? 20 : 200))
            print("conformance, \(accessType): \(report.summary)")
        }
    }

    @Test("move a volume between two droplets a hundred times, with its data")
    func moves() async throws {
        try await Self.with { droplets in
            _ = try await droplets.start(1)
            _ = try await droplets.start(2)
            let volume = try await droplets.create("pvc-moving")
            for turn in 0..<100 {
                let droplet = turn % 2 + 1
                let context = try await droplets.attach(volume, to: droplet)
                try await droplets.publish(volume, context, on: droplet)
                let file = try #require(droplets.nodes[droplet]).file(droplets.target(droplet) + "/log")
                let before = (try? String(contentsOf: file, encoding: .utf8)) ?? ""
                #expect(before == (0..<turn).map { "turn \($0)\n" }.joined())
                try (before + "turn \(turn)\n").write(to: file, atomically: false, encoding: .utf8)
                try await droplets.release(volume, from: droplet)
            }
        }
    }

    @Test("lose the controller in the middle of attaching, and nothing else")
    func killed() async throws {
        try await Self.with(actionTime: .seconds(10)) { droplets in
            _ = try await droplets.start(1)
            let volume = try await droplets.create("pvc-1")
            let client = droplets.controller.client
            let lost = Task {
                try await client.unary(
                    CSIv1.Controller.controllerPublishVolume,
                    .init(volumeID: volume.volumeID, nodeID: "1", volumeCapability: Droplets.capability),
                    timeout: .seconds(15))
            }
            while droplets.cloud.actionCount == 0 { try await Task.sleep(for: .milliseconds(5)) }
            try await droplets.killController()
            await #expect(throws: RPCError.self) { try await lost.value }
            let context = try await droplets.attach(volume, to: 1)
            #expect(droplets.cloud.actionCount == 1)
            try await droplets.publish(volume, context, on: 1)
            try await droplets.release(volume, from: 1)
            #expect(droplets.cloud.volumes.first?.droplets == [])
        }
    }

    @Test("lose the node in the middle of formatting, and format anew, there or on the other droplet")
    func formatsAnew() async throws {
        try await Self.with { droplets in
            _ = try await droplets.start(1)
            _ = try await droplets.start(2)
            var marks = 0
            // mkfs takes some 50 ms: the node dies before it starts, in the middle of it and after it.
            for milliseconds in stride(from: 0, through: 45, by: 3) {
                let volume = try await droplets.create("pvc-\(milliseconds)")
                let context = try await droplets.attach(volume, to: 1)
                let request = droplets.stageRequest(volume, context, on: 1)
                let client = try #require(droplets.nodes[1]?.client)
                let hasEnded = Mutex(false)
                let lost = Task {
                    defer { hasEnded.withLock { $0 = true } }
                    return try await client.unary(CSIv1.Node.nodeStageVolume, request, timeout: .seconds(60))
                }
                while try !droplets.isMarked(volume), !hasEnded.withLock({ $0 }) {
                    try await Task.sleep(for: .milliseconds(1))
                }
                try await Task.sleep(for: .milliseconds(milliseconds))
                try await droplets.killNode(1)
                _ = await lost.result
                if try droplets.isMarked(volume) { marks += 1 }
                let isElsewhere = milliseconds % 2 == 1
                if isElsewhere { try await droplets.release(volume, from: 1) }
                let droplet = isElsewhere ? 2 : 1
                let again = try await droplets.attach(volume, to: droplet)
                try await droplets.publish(volume, again, on: droplet)
                #expect(try !droplets.isMarked(volume))
                try await droplets.release(volume, from: droplet)
            }
            #expect(marks > 0)
            let erased = droplets.logs.split(separator: "mkfs was interrupted").count - 1
            print("of 16 disks \(marks) had the mark, and \(erased) of them held half a file system")
        }
    }

    private static let areFiguresWanted = ProcessInfo.processInfo.environment["FIGURES"] != nil

    /// Calls of the API that attaching may take for actions of this many milliseconds: it looks, begins, asks after growing
    /// pauses until it is done, and looks.
    @Test(
        "attach with few calls of the API",
        arguments: areFiguresWanted ? [(0, 4), (500, 7), (3000, 10), (10_000, 14)] : [(0, 4), (500, 7)])
    func attachCalls(milliseconds: Int, most: Int) async throws {
        try await Self.with(actionTime: .milliseconds(milliseconds)) { droplets in
            _ = try await droplets.start(1)
            for turn in 0..<(Self.areFiguresWanted ? 3 : 1) {
                let volume = try await droplets.create("pvc-\(turn)")
                droplets.cloud.clearRequests()
                let began = ContinuousClock.now
                let context = try await droplets.attach(volume, to: 1)
                let attached = began.duration(to: .now)
                let calls = droplets.cloud.requests.count
                #expect(calls <= most)
                try await droplets.publish(volume, context, on: 1)
                let mounted = began.duration(to: .now)
                print(
                    "action \(milliseconds) ms: attached after \(attached) with \(calls) calls, mounted after \(mounted)"
                )
                try await droplets.release(volume, from: 1)
            }
        }
    }

    @Test("do not grow with the calls they answer")
    func memory() async throws {
        try await Self.with { droplets in
            let node = try await droplets.start(1)
            let volume = try await droplets.create("pvc-1")
            /// One round of what clients ask for all the time.
            func round() async throws {
                let controller = droplets.controller.client
                let limit = Duration.seconds(60)
                _ = try await controller.unary(CSIv1.Controller.listVolumes, .init(), timeout: limit)
                _ = try await controller.unary(
                    CSIv1.Controller.controllerGetVolume, .init(volumeID: volume.volumeID), timeout: limit)
                _ = try await node.client.unary(CSIv1.Node.nodeGetInfo, .init(), timeout: limit)
                await #expect(throws: RPCError.self) {
                    try await node.client.unary(
                        CSIv1.Node.nodeGetVolumeStats, .init(volumeID: volume.volumeID, volumePath: "/nowhere"),
                        timeout: limit)
                }
            }
            func figures(_ when: String) -> (controller: Int, node: Int) {
                let controller = droplets.controller
                print("\(when): controller \(controller.residentMemory) KiB, node \(node.residentMemory) KiB")
                return (controller.anonymousMemory, node.anonymousMemory)
            }
            _ = figures("idle")
            for _ in 0..<500 { try await round() }
            let before = figures("after 1,000 calls")
            for _ in 0..<500 { try await round() }
            let after = figures("after 2,000 calls")
            // What leaks with each call would be at least a page in four of them.
            #expect(after.controller - before.controller < 1024)
            #expect(after.node - before.node < 1024)
        }
    }
}
