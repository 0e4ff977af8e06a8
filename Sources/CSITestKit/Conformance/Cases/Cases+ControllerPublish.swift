import CSIProto
import CSITransport

extension ConformanceCase {
    private static let attaching: [ConformanceNeed] = [.usableVolumes, .controller(.publishUnpublishVolume)]

    private static let attachments = Refusals(
        group: "controller-publish", method: CSIv1.Controller.controllerPublishVolume, needs: attaching,
        request: { $0.attachRequest(.init(volume: try await $0.createVolume(), capability: $0.capability)) })

    private static let detachments = Refusals(
        group: "controller-unpublish", method: CSIv1.Controller.controllerUnpublishVolume, needs: attaching,
        request: {
            .init(
                volumeID: try await $0.createVolume().volumeID, nodeID: $0.subject.nodeInfo.nodeID, secrets: $0.secrets)
        })

    static let controllerPublish: [ConformanceCase] = [
        attachments.row("no-id", "ControllerPublishVolume without an id", origin: .sanity) { $0.volumeID = "" },
        attachments.row("no-node", "ControllerPublishVolume without a node", origin: .sanity) { $0.nodeID = "" },
        attachments.row("no-capability", "ControllerPublishVolume without a capability", origin: .sanity) {
            $0.volumeCapability = nil
        },
        attachments.row("empty-capability", "a capability without anything") { $0.volumeCapability = .init() },
        attachments.row("unknown-access-mode", "the access mode UNKNOWN") {
            $0.volumeCapability?.accessMode = .init(mode: .unknown)
        },
        attachments.row("unknown-volume", "a volume that does not exist", [.notFound], origin: .sanity) {
            $0.volumeID = absentID
        },
        attachments.row("unknown-node", "a node that does not exist", [.notFound], origin: .sanity) {
            $0.nodeID = absentID
        },
        attachments.row("node-too-long", "a node id of 257 bytes", [.invalidArgument, .notFound]) {
            $0.nodeID = tooLong + tooLong
        },
        ConformanceCase(
            "controller-publish/repeated", "the same ControllerPublishVolume gets the same answer", .sanity,
            needs: attaching
        ) {
            let request = $0.attachRequest(.init(volume: try await $0.createVolume(), capability: $0.capability))
            let first = try await $0.call(CSIv1.Controller.controllerPublishVolume, request)
            for _ in 0..<$0.configuration.repeats {
                try $0.expect(
                    "ControllerPublishVolume again",
                    try await $0.call(CSIv1.Controller.controllerPublishVolume, request), equals: first)
            }
        },
        ConformanceCase(
            "controller-publish/other-readonly", "attaching again read-only is ALREADY_EXISTS", .sanity,
            needs: attaching + [.controller(.publishReadonly)]
        ) {
            var request = $0.attachRequest(.init(volume: try await $0.createVolume(), capability: $0.capability))
            try await $0.call(CSIv1.Controller.controllerPublishVolume, request)
            request.readonly = true
            try await $0.refuse(CSIv1.Controller.controllerPublishVolume, request, .alreadyExists)
        },
        ConformanceCase(
            "controller-publish/other-access-type", "attaching again for block instead of mount is refused",
            needs: attaching
        ) {
            var request = $0.attachRequest(.init(volume: try await $0.createVolume(), capability: $0.capability))
            try await $0.call(CSIv1.Controller.controllerPublishVolume, request)
            request.volumeCapability = $0.capability(
                mode: $0.configuration.accessMode, block: $0.configuration.accessType == .mount)
            try await $0.refuse(CSIv1.Controller.controllerPublishVolume, request, .alreadyExists, .invalidArgument)
        },
        ConformanceCase(
            "controller-publish/second-node", "a single-node volume does not attach to a second node",
            needs: attaching + [.configured("second node") { $0.secondNodeID != nil }]
        ) {
            var request = $0.attachRequest(
                .init(volume: try await $0.createVolume(), capability: $0.capability(mode: .singleNodeWriter)))
            try await $0.call(CSIv1.Controller.controllerPublishVolume, request)
            request.nodeID = $0.configuration.secondNodeID ?? ""
            try await $0.refuse(CSIv1.Controller.controllerPublishVolume, request, .failedPrecondition)
        },
        ConformanceCase(
            "controller-publish/node-limit", "one volume more than the node takes is RESOURCE_EXHAUSTED", .sanity,
            needs: attaching + [.configured("wish to test the attach limit") { $0.testsAttachLimit }]
        ) {
            let limit = try await $0.call(CSIv1.Node.nodeGetInfo, .init()).maxVolumesPerNode
            guard limit > 0 else { throw ConformanceSkip(reason: "the node has no limit") }
            var count: Int64 = 0
            while count < limit {
                try await $0.call(
                    CSIv1.Controller.controllerPublishVolume,
                    $0.attachRequest(.init(volume: try await $0.createVolume(), capability: $0.capability)))
                count += 1
            }
            try await $0.refuse(
                CSIv1.Controller.controllerPublishVolume,
                $0.attachRequest(.init(volume: try await $0.createVolume(), capability: $0.capability)),
                .resourceExhausted)
        },
        ConformanceCase("controller-publish/context-size", "the publish context is at most 4 KiB", needs: attaching) {
            let request = $0.attachRequest(.init(volume: try await $0.createVolume(), capability: $0.capability))
            let context = try await $0.call(CSIv1.Controller.controllerPublishVolume, request).publishContext
            try $0.expect(
                context.bytes <= 4_096, "ControllerPublishVolume", "a context of at most 4096 bytes",
                saw: "\(context.bytes)")
        },
        detachments.row("no-id", "ControllerUnpublishVolume without an id", origin: .sanity) { $0.volumeID = "" },
        ConformanceCase(
            "controller-unpublish/never-published", "detaching what is not attached succeeds", .sanity, needs: attaching
        ) {
            try await $0.call(
                CSIv1.Controller.controllerUnpublishVolume,
                .init(
                    volumeID: try await $0.createVolume().volumeID, nodeID: $0.subject.nodeInfo.nodeID,
                    secrets: $0.secrets))
        },
        ConformanceCase(
            "controller-unpublish/deleted", "detaching a deleted volume succeeds", .sanity, needs: attaching
        ) {
            let id = try await $0.createVolume().volumeID
            try await $0.deleteVolume(id)
            try await $0.call(
                CSIv1.Controller.controllerUnpublishVolume,
                .init(volumeID: id, nodeID: $0.subject.nodeInfo.nodeID, secrets: $0.secrets))
        },
        ConformanceCase(
            "controller-unpublish/repeated", "detaching again and again succeeds", .sanity, needs: attaching
        ) {
            let request = $0.attachRequest(.init(volume: try await $0.createVolume(), capability: $0.capability))
            try await $0.call(CSIv1.Controller.controllerPublishVolume, request)
            for _ in 0...$0.configuration.repeats {
                try await $0.call(
                    CSIv1.Controller.controllerUnpublishVolume,
                    .init(volumeID: request.volumeID, nodeID: request.nodeID, secrets: $0.secrets))
            }
        },
        ConformanceCase(
            "controller-unpublish/all-nodes", "detaching without a node detaches from all", needs: attaching
        ) {
            let request = $0.attachRequest(.init(volume: try await $0.createVolume(), capability: $0.capability))
            try await $0.call(CSIv1.Controller.controllerPublishVolume, request)
            try await $0.call(
                CSIv1.Controller.controllerUnpublishVolume, .init(volumeID: request.volumeID, secrets: $0.secrets))
            try await $0.deleteVolume(request.volumeID)
        },
        ConformanceCase(
            "controller-unpublish/other-arguments-after", "a detached volume attaches with other arguments",
            needs: attaching + [.controller(.publishReadonly)]
        ) {
            var request = $0.attachRequest(.init(volume: try await $0.createVolume(), capability: $0.capability))
            try await $0.call(CSIv1.Controller.controllerPublishVolume, request)
            try await $0.call(
                CSIv1.Controller.controllerUnpublishVolume,
                .init(volumeID: request.volumeID, nodeID: request.nodeID, secrets: $0.secrets))
            request.readonly = true
            try await $0.call(CSIv1.Controller.controllerPublishVolume, request)
        },
    ]
}
