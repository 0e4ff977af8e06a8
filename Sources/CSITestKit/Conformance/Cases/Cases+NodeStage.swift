import CSIProto
import CSITransport

extension ConformanceCase {
    private static let staging: [ConformanceNeed] = [.usableVolumes, .node(.stageUnstageVolume)]

    private static let stages = Refusals(
        group: "node-stage", method: CSIv1.Node.nodeStageVolume, needs: staging,
        request: { try await $0.readyToStage() })

    private static let unstages = Refusals(
        group: "node-unstage", method: CSIv1.Node.nodeUnstageVolume, needs: staging,
        request: {
            let prepared = try await $0.prepare()
            return .init(volumeID: prepared.id, stagingTargetPath: prepared.stagingPath)
        })

    static let nodeStage: [ConformanceCase] = [
        stages.row("no-id", "NodeStageVolume without an id", origin: .sanity) { $0.volumeID = "" },
        stages.row("no-path", "NodeStageVolume without a staging path", origin: .sanity) { $0.stagingTargetPath = "" },
        stages.row("no-capability", "NodeStageVolume without a capability", origin: .sanity) {
            $0.volumeCapability = nil
        },
        stages.row("empty-capability", "a capability without anything") { $0.volumeCapability = .init() },
        stages.row("unknown-access-mode", "the access mode UNKNOWN") {
            $0.volumeCapability?.accessMode = .init(mode: .unknown)
        },
        stages.row("relative-path", "a relative staging path") { $0.stagingTargetPath = "staging/path" },
        stages.row("path-with-nul", "a staging path with a NUL character") { $0.stagingTargetPath += "\u{0}x" },
        stages.row("traversing-path", "a staging path that climbs up") { $0.stagingTargetPath += "/../../escape" },
        stages.row("path-too-long", "a staging path of more than 4096 bytes") {
            $0.stagingTargetPath += String(repeating: "/x", count: 2_100)
        },
        stages.row("unknown-volume", "a volume that does not exist", [.notFound]) { $0.volumeID = absentID },
        ConformanceCase("node-stage/repeated", "staging again succeeds", .sanity, needs: staging) {
            let request = try await $0.readyToStage()
            for _ in 0...$0.configuration.repeats { try await $0.call(CSIv1.Node.nodeStageVolume, request) }
        },
        ConformanceCase(
            "node-stage/other-capability", "staging at the same path with another capability is ALREADY_EXISTS",
            needs: staging + [.mounts]
        ) {
            var request = try await $0.readyToStage()
            try await $0.call(CSIv1.Node.nodeStageVolume, request)
            request.volumeCapability = .init(
                accessType: .mount(.init(fsType: $0.configuration.fsType, mountFlags: ["noexec"])),
                accessMode: request.volumeCapability?.accessMode)
            try await $0.refuse(CSIv1.Node.nodeStageVolume, request, .alreadyExists)
        },
        unstages.row("no-id", "NodeUnstageVolume without an id", origin: .sanity) { $0.volumeID = "" },
        unstages.row("no-path", "NodeUnstageVolume without a staging path", origin: .sanity) {
            $0.stagingTargetPath = ""
        },
        unstages.row("relative-path", "a relative staging path") { $0.stagingTargetPath = "staging/path" },
        ConformanceCase("node-unstage/never-staged", "unstaging what is not staged succeeds", .sanity, needs: staging) {
            let request = try await $0.readyToStage()
            try await $0.call(
                CSIv1.Node.nodeUnstageVolume,
                .init(volumeID: request.volumeID, stagingTargetPath: request.stagingTargetPath))
        },
        ConformanceCase("node-unstage/repeated", "unstaging again and again succeeds", .sanity, needs: staging) {
            let prepared = try await $0.prepare()
            for _ in 0...$0.configuration.repeats {
                try await $0.call(
                    CSIv1.Node.nodeUnstageVolume, .init(volumeID: prepared.id, stagingTargetPath: prepared.stagingPath))
            }
        },
        ConformanceCase("node-unstage/unknown", "unstaging an unknown volume succeeds or is NOT_FOUND", needs: staging)
        {
            try await $0.allow(
                CSIv1.Node.nodeUnstageVolume, .init(volumeID: absentID, stagingTargetPath: $0.newStagingPath()),
                or: .notFound)
        },
        ConformanceCase(
            "node-unstage/other-arguments-after", "an unstaged volume is staged with another capability",
            needs: staging + [.mounts]
        ) {
            var request = try await $0.readyToStage()
            try await $0.call(CSIv1.Node.nodeStageVolume, request)
            try await $0.call(
                CSIv1.Node.nodeUnstageVolume,
                .init(volumeID: request.volumeID, stagingTargetPath: request.stagingTargetPath))
            request.volumeCapability = .init(
                accessType: .mount(.init(fsType: $0.configuration.fsType, mountFlags: ["noexec"])),
                accessMode: request.volumeCapability?.accessMode)
            try await $0.call(CSIv1.Node.nodeStageVolume, request)
        },
    ]
}

extension ConformanceTrial {
    /// A request that stages a new volume, which is attached already.
    fileprivate func readyToStage() async throws -> CSIv1.NodeStageVolumeRequest {
        var prepared = PreparedVolume(volume: try await createVolume(), capability: capability)
        if subject.controller.contains(.publishUnpublishVolume) {
            let reply = try await call(CSIv1.Controller.controllerPublishVolume, attachRequest(prepared))
            prepared.publishContext = reply.publishContext
        }
        prepared.stagingPath = try await newStagingPath()
        return stageRequest(prepared)
    }
}
