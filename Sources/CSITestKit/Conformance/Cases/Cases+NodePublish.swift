import CSIProto
import CSITransport

extension ConformanceCase {
    private static let publications = Refusals(
        group: "node-publish", method: CSIv1.Node.nodePublishVolume, needs: [.usableVolumes],
        request: { $0.publishRequest(try await $0.prepare(), at: try await $0.newTargetPath()) })

    static let nodePublish: [ConformanceCase] = [
        publications.row("no-id", "NodePublishVolume without an id", origin: .sanity) { $0.volumeID = "" },
        publications.row("no-target", "NodePublishVolume without a target path", origin: .sanity) {
            $0.targetPath = ""
        },
        publications.row("no-capability", "NodePublishVolume without a capability", origin: .sanity) {
            $0.volumeCapability = nil
        },
        publications.row("empty-capability", "a capability without anything") { $0.volumeCapability = .init() },
        publications.row("unknown-access-mode", "the access mode UNKNOWN") {
            $0.volumeCapability?.accessMode = .init(mode: .unknown)
        },
        publications.row("id-too-long", "a volume id of 129 bytes", [.invalidArgument, .notFound]) {
            $0.volumeID = tooLong
        },
        publications.row("relative-target", "a relative target path") { $0.targetPath = "some/target" },
        publications.row("target-with-nul", "a target path with a NUL character") { $0.targetPath += "\u{0}x" },
        publications.row("traversing-target", "a target path that climbs up") { $0.targetPath += "/../../escape" },
        publications.row("target-too-long", "a target path of more than 4096 bytes") {
            $0.targetPath += String(repeating: "/x", count: 2_100)
        },
        publications.row("context-too-large", "a volume context of more than 4 KiB") { $0.volumeContext = tooLarge },
        publications.row("unknown-volume", "a volume that does not exist", [.notFound], origin: .knownDefect) {
            $0.volumeID = absentID
        },
        publications.row(
            "no-staging-path", "a volume that wants staging, without a staging path",
            [.failedPrecondition, .invalidArgument], needs: [.node(.stageUnstageVolume)]
        ) { $0.stagingTargetPath = "" },
        ConformanceCase(
            "node-publish/not-staged", "publishing what is not staged is FAILED_PRECONDITION",
            needs: [.usableVolumes, .node(.stageUnstageVolume)]
        ) {
            var prepared = PreparedVolume(volume: try await $0.createVolume(), capability: $0.capability)
            if $0.subject.controller.contains(.publishUnpublishVolume) {
                prepared.publishContext = try await $0.call(
                    CSIv1.Controller.controllerPublishVolume, $0.attachRequest(prepared)
                ).publishContext
            }
            prepared.stagingPath = try await $0.newStagingPath()
            try await $0.refuse(
                CSIv1.Node.nodePublishVolume, $0.publishRequest(prepared, at: $0.newTargetPath()), .failedPrecondition)
        },
        ConformanceCase(
            "node-publish/published", "the driver makes the target of a published volume", .sanity,
            needs: [.usableVolumes]
        ) {
            let target = try await $0.publish($0.prepare())
            if $0.site.isVisible {
                try $0.expect("whether the target exists", await $0.site.exists(target.targetPath), equals: true)
            }
            try await $0.unpublish(target)
        },
        ConformanceCase(
            "node-publish/repeated", "publishing again succeeds, and unpublishing once is enough", .sanity,
            needs: [.usableVolumes]
        ) {
            let prepared = try await $0.prepare()
            let request = try await $0.publish(prepared)
            for _ in 0..<$0.configuration.repeats { try await $0.call(CSIv1.Node.nodePublishVolume, request) }
            try await $0.unpublish(request)
            if $0.site.isVisible {
                try $0.expect("whether the target exists", await $0.site.exists(request.targetPath), equals: false)
            }
            try await $0.release(prepared)
        },
        ConformanceCase(
            "node-publish/long-target", "paths may be longer than the general limit of 128 bytes",
            needs: [.usableVolumes]
        ) {
            let prepared = try await $0.prepare()
            let request = $0.publishRequest(
                prepared, at: try await $0.newTargetPath() + String(repeating: "t", count: 200))
            try await $0.call(CSIv1.Node.nodePublishVolume, request)
        },
        ConformanceCase(
            "node-publish/mount-group", "with VOLUME_MOUNT_GROUP, a volume is published for a group", .sidecars,
            needs: [.usableVolumes, .mounts, .node(.volumeMountGroup)]
        ) {
            let capability = CSIv1.VolumeCapability(
                accessType: .mount(.init(fsType: $0.configuration.fsType, volumeMountGroup: "2000")),
                accessMode: .init(mode: $0.configuration.accessMode))
            _ = try await $0.publish($0.prepare($0.createVolume(), capability: capability))
        },
    ]

    static let nodePublishDifferences: [ConformanceCase] = [
        ConformanceCase(
            "node-publish/other-readonly", "the same target read-only instead of writable is ALREADY_EXISTS",
            .knownDefect, needs: [.usableVolumes]
        ) {
            var request = try await $0.publish($0.prepare())
            request.readonly = true
            try await $0.refuse(CSIv1.Node.nodePublishVolume, request, .alreadyExists)
        },
        ConformanceCase(
            "node-publish/other-writable", "the same target writable instead of read-only is ALREADY_EXISTS",
            .knownDefect, needs: [.usableVolumes]
        ) {
            var request = try await $0.publish($0.prepare(), readonly: true)
            request.readonly = false
            try await $0.refuse(CSIv1.Node.nodePublishVolume, request, .alreadyExists)
        },
        ConformanceCase(
            "node-publish/other-access-type", "the same target for block instead of mount is refused",
            needs: [.usableVolumes]
        ) {
            var request = try await $0.publish($0.prepare())
            request.volumeCapability = $0.capability(
                mode: $0.configuration.accessMode, block: $0.configuration.accessType == .mount)
            try await $0.refuse(
                CSIv1.Node.nodePublishVolume, request, .alreadyExists, .failedPrecondition, .invalidArgument)
        },
        ConformanceCase(
            "node-publish/other-mount-flags", "the same target with other mount flags is ALREADY_EXISTS",
            needs: [.usableVolumes, .mounts]
        ) {
            var request = try await $0.publish($0.prepare())
            request.volumeCapability = .init(
                accessType: .mount(.init(fsType: $0.configuration.fsType, mountFlags: ["noexec"])),
                accessMode: request.volumeCapability?.accessMode)
            try await $0.refuse(CSIv1.Node.nodePublishVolume, request, .alreadyExists)
        },
        ConformanceCase(
            "node-publish/other-volume", "another volume at a target in use is refused", needs: [.usableVolumes]
        ) {
            let first = try await $0.publish($0.prepare())
            let request = $0.publishRequest(try await $0.prepare(), at: first.targetPath)
            try await $0.refuse(CSIv1.Node.nodePublishVolume, request, .alreadyExists, .failedPrecondition)
        },
        ConformanceCase(
            "node-publish/second-target-single-writer",
            "a SINGLE_NODE_SINGLE_WRITER volume has one target; a second one is FAILED_PRECONDITION", .sanity,
            needs: [.usableVolumes, .node(.singleNodeMultiWriter)]
        ) {
            try await $0.refuseSecondTarget(.singleNodeSingleWriter)
        },
        ConformanceCase(
            "node-publish/second-target-writer",
            "without SINGLE_NODE_MULTI_WRITER, a SINGLE_NODE_WRITER volume has one target",
            needs: [.usableVolumes, .noNode(.singleNodeMultiWriter)]
        ) {
            try await $0.refuseSecondTarget(.singleNodeWriter)
        },
        ConformanceCase(
            "node-publish/second-target-multi-writer", "a SINGLE_NODE_MULTI_WRITER volume has two targets",
            needs: [.usableVolumes, .node(.singleNodeMultiWriter)]
        ) {
            let prepared = try await $0.prepareWithMode(.singleNodeMultiWriter)
            let first = try await $0.publish(prepared)
            let second = try await $0.publish(prepared)
            try await $0.unpublish(first)
            if $0.site.isVisible {
                try $0.expect("whether the other target exists", await $0.site.exists(second.targetPath), equals: true)
            }
            try await $0.call(CSIv1.Node.nodePublishVolume, second)
        },
        ConformanceCase(
            "node-publish/nothing-left-after-refusal", "a refused NodePublishVolume leaves nothing at the target",
            .sanity, needs: [.usableVolumes, .paths]
        ) {
            var request = $0.publishRequest(try await $0.prepare(), at: try await $0.newTargetPath())
            request.volumeID = absentID
            _ = await $0.attempt(CSIv1.Node.nodePublishVolume, request)
            try $0.expect("whether the target exists", await $0.site.exists(request.targetPath), equals: false)
        },
        ConformanceCase(
            "node-publish/other-arguments-after", "an unpublished target is published with other arguments",
            needs: [.usableVolumes]
        ) {
            var request = try await $0.publish($0.prepare())
            try await $0.unpublish(request)
            request.readonly = true
            try await $0.call(CSIv1.Node.nodePublishVolume, request)
        },
    ]
}

extension ConformanceTrial {
    fileprivate func prepareWithMode(_ mode: CSIv1.VolumeCapability.AccessMode.Mode) async throws -> PreparedVolume {
        var request = createRequest()
        request.volumeCapabilities = [capability(mode: mode)]
        return try await prepare(createVolume(request), capability: capability(mode: mode))
    }

    fileprivate func refuseSecondTarget(_ mode: CSIv1.VolumeCapability.AccessMode.Mode) async throws {
        let prepared = try await prepareWithMode(mode)
        let first = try await publish(prepared)
        let second = publishRequest(prepared, at: try await newTargetPath())
        try await refuse(CSIv1.Node.nodePublishVolume, second, .failedPrecondition)
        if site.isVisible {
            try expect("whether the second target exists", await site.exists(second.targetPath), equals: false)
        }
        // The refusal takes nothing from the first target.
        try await call(CSIv1.Node.nodePublishVolume, first)
    }
}
