import CSIProto
import CSITransport

extension ConformanceCase {
    private static let expanding: [ConformanceNeed] = [.volumes, .controller(.expandVolume)]

    private static let expansions = Refusals(
        group: "controller-expand", method: CSIv1.Controller.controllerExpandVolume, needs: expanding,
        request: { $0.expandRequest(try await $0.createVolume().volumeID) })

    static let expandVolume: [ConformanceCase] = [
        expansions.row("no-id", "ControllerExpandVolume without an id", origin: .sanity) { $0.volumeID = "" },
        expansions.row("no-range", "ControllerExpandVolume without a range", origin: .sanity) {
            $0.capacityRange = nil
        },
        expansions.row("unknown", "a volume that does not exist", [.notFound]) { $0.volumeID = absentID },
        expansions.row("negative-size", "a negative required_bytes", [.invalidArgument, .outOfRange]) {
            $0.capacityRange = .init(requiredBytes: -1)
        },
        expansions.row("inverted-range", "a limit below the required size", [.invalidArgument, .outOfRange]) {
            $0.capacityRange?.limitBytes = 1
        },
        expansions.row("empty-capability", "a capability without anything") { $0.volumeCapability = .init() },
        ConformanceCase(
            "controller-expand/expanded", "a volume grows to exactly the required size", .sanity, needs: expanding
        ) {
            let reply = try await $0.call(
                CSIv1.Controller.controllerExpandVolume, $0.expandRequest(try await $0.createVolume().volumeID))
            try $0.expect("capacity_bytes", reply.capacityBytes, equals: $0.configuration.expandedSize)
        },
        ConformanceCase("controller-expand/repeated", "the same expansion gets the same answer", needs: expanding) {
            let request = $0.expandRequest(try await $0.createVolume().volumeID)
            let first = try await $0.call(CSIv1.Controller.controllerExpandVolume, request)
            for _ in 0..<$0.configuration.repeats {
                try $0.expect(
                    "ControllerExpandVolume again",
                    try await $0.call(CSIv1.Controller.controllerExpandVolume, request).capacityBytes,
                    equals: first.capacityBytes)
            }
        },
        ConformanceCase(
            "controller-expand/never-shrinks", "a smaller size leaves a volume as large as it is", needs: expanding
        ) {
            let id = try await $0.createVolume().volumeID
            let size = try await $0.call(CSIv1.Controller.controllerExpandVolume, $0.expandRequest(id)).capacityBytes
            let again = try await $0.call(
                CSIv1.Controller.controllerExpandVolume,
                .init(
                    volumeID: id, capacityRange: .init(requiredBytes: $0.configuration.volumeSize), secrets: $0.secrets,
                    volumeCapability: $0.capability))
            try $0.expect(
                again.capacityBytes >= size, "ControllerExpandVolume to the old size", "at least \(size)",
                saw: "\(again.capacityBytes)")
        },
        ConformanceCase(
            "controller-expand/impossible-size", "a size that cannot be is OUT_OF_RANGE", .sidecars, needs: expanding
        ) {
            try await $0.allow(
                CSIv1.Controller.controllerExpandVolume,
                .init(
                    volumeID: try await $0.createVolume().volumeID, capacityRange: .init(requiredBytes: .max),
                    secrets: $0.secrets, volumeCapability: $0.capability), or: .outOfRange, .resourceExhausted)
        },
        ConformanceCase(
            "controller-expand/listed", "an expanded volume is listed with its new size",
            needs: expanding + [.controller(.listVolumes)]
        ) {
            let id = try await $0.createVolume().volumeID
            let reply = try await $0.call(CSIv1.Controller.controllerExpandVolume, $0.expandRequest(id))
            guard !reply.nodeExpansionRequired else { throw ConformanceSkip(reason: "the node does the expansion") }
            let listed = try await $0.listVolumes().first { $0.volumeID == id }
            try $0.expect("the listed capacity", listed?.capacityBytes, equals: reply.capacityBytes)
        },
        ConformanceCase(
            "controller-expand/published", "a published volume expands, or offline expansion says FAILED_PRECONDITION",
            needs: expanding + [.nodeService]
        ) {
            let target = try await $0.publish($0.prepare())
            try await $0.allow(
                CSIv1.Controller.controllerExpandVolume, $0.expandRequest(target.volumeID), or: .failedPrecondition)
        },
        ConformanceCase(
            "controller-expand/then-created", "CreateVolume of an expanded volume finds it", .sidecars, needs: expanding
        ) {
            let request = $0.createRequest()
            let volume = try await $0.createVolume(request)
            try await $0.call(CSIv1.Controller.controllerExpandVolume, $0.expandRequest(volume.volumeID))
            try $0.expect("CreateVolume again", try await $0.createVolume(request).volumeID, equals: volume.volumeID)
        },
    ]

    private static let modifying: [ConformanceNeed] = [.volumes, .controller(.modifyVolume)]

    private static let modifications = Refusals(
        group: "modify-volume", method: CSIv1.Controller.controllerModifyVolume, needs: modifying,
        request: {
            .init(
                volumeID: try await $0.createVolume().volumeID, secrets: $0.secrets,
                mutableParameters: $0.configuration.mutableParameters)
        })

    static let modifyVolume: [ConformanceCase] = [
        modifications.row("no-id", "ControllerModifyVolume without an id", origin: .sanity) { $0.volumeID = "" },
        modifications.row(
            "unknown", "a volume that does not exist", [.notFound], origin: .sanity, needs: [.mutableParameters]
        ) { $0.volumeID = absentID },
        modifications.row("unknown-key", "a key that the driver does not know", origin: .sanity) {
            $0.mutableParameters = ["no-such-key": "x"]
        },
        modifications.row("too-large", "mutable parameters of more than 4 KiB") { $0.mutableParameters = tooLarge },
        ConformanceCase(
            "modify-volume/modified", "a volume takes its mutable parameters, again and again", .sanity,
            needs: modifying + [.mutableParameters]
        ) {
            let id = try await $0.createVolume().volumeID
            for _ in 0...$0.configuration.repeats {
                try await $0.call(
                    CSIv1.Controller.controllerModifyVolume,
                    .init(volumeID: id, secrets: $0.secrets, mutableParameters: $0.configuration.mutableParameters))
            }
        },
        ConformanceCase(
            "modify-volume/created-with", "a volume that was made with mutable parameters takes them again", .sanity,
            needs: modifying + [.mutableParameters]
        ) {
            var request = $0.createRequest()
            request.mutableParameters = $0.configuration.mutableParameters
            let id = try await $0.createVolume(request).volumeID
            try await $0.call(
                CSIv1.Controller.controllerModifyVolume,
                .init(volumeID: id, secrets: $0.secrets, mutableParameters: $0.configuration.mutableParameters))
        },
        ConformanceCase(
            "modify-volume/then-created", "CreateVolume of a modified volume finds it", .sidecars,
            needs: modifying + [.mutableParameters]
        ) {
            let request = $0.createRequest()
            let id = try await $0.createVolume(request).volumeID
            try await $0.call(
                CSIv1.Controller.controllerModifyVolume,
                .init(volumeID: id, secrets: $0.secrets, mutableParameters: $0.configuration.mutableParameters))
            try $0.expect("CreateVolume again", try await $0.createVolume(request).volumeID, equals: id)
        },
    ]
}

extension ConformanceTrial {
    func expandRequest(_ id: String) -> CSIv1.ControllerExpandVolumeRequest {
        .init(
            volumeID: id, capacityRange: .init(requiredBytes: configuration.expandedSize), secrets: secrets,
            volumeCapability: capability)
    }
}
