import CSIProto
import CSITransport

extension ConformanceCase {
    private static let deletions = Refusals(
        group: "delete-volume", method: CSIv1.Controller.deleteVolume, needs: [.volumes],
        request: { .init(volumeID: try await $0.createVolume().volumeID, secrets: $0.secrets) })

    static let deleteVolume: [ConformanceCase] = [
        deletions.row("no-id", "DeleteVolume without an id", origin: .sanity) { $0.volumeID = "" },
        ConformanceCase("delete-volume/unknown", "DeleteVolume of an unknown id succeeds", .sanity, needs: [.volumes]) {
            try await $0.deleteVolume(absentID)
        },
        ConformanceCase("delete-volume/deleted", "a deleted volume is gone", .sanity, needs: [.volumes]) {
            let volume = try await $0.createVolume()
            try await $0.deleteVolume(volume.volumeID)
            try await $0.refuse(CSIv1.Controller.validateVolumeCapabilities, $0.validateRequest(volume), .notFound)
        },
        ConformanceCase(
            "delete-volume/repeated", "DeleteVolume of a deleted volume succeeds", .sanity, needs: [.volumes]
        ) {
            let volume = try await $0.createVolume()
            for _ in 0...$0.configuration.repeats { try await $0.deleteVolume(volume.volumeID) }
        },
        ConformanceCase(
            "delete-volume/long-id", "an id of 129 bytes is INVALID_ARGUMENT, or is known to be absent",
            needs: [.volumes]
        ) {
            try await $0.allow(
                CSIv1.Controller.deleteVolume, .init(volumeID: tooLong, secrets: $0.secrets), or: .invalidArgument)
        },
        ConformanceCase("delete-volume/traversal", "an id that is a path deletes nothing", needs: [.volumes]) {
            let volume = try await $0.createVolume()
            for id in ["../" + volume.volumeID, "./" + volume.volumeID, volume.volumeID + "/.", "..", ".", "/"] {
                try await $0.allow(
                    CSIv1.Controller.deleteVolume, .init(volumeID: id, secrets: $0.secrets), or: .invalidArgument,
                    .notFound)
            }
            try await $0.call(CSIv1.Controller.validateVolumeCapabilities, $0.validateRequest(volume))
        },
        ConformanceCase(
            "delete-volume/attached", "DeleteVolume of an attached volume succeeds or is FAILED_PRECONDITION",
            needs: [.usableVolumes, .controller(.publishUnpublishVolume)]
        ) {
            let prepared = PreparedVolume(volume: try await $0.createVolume(), capability: $0.capability)
            try await $0.call(CSIv1.Controller.controllerPublishVolume, $0.attachRequest(prepared))
            try await $0.allow(
                CSIv1.Controller.deleteVolume, .init(volumeID: prepared.id, secrets: $0.secrets),
                or: .failedPrecondition)
        },
        ConformanceCase(
            "delete-volume/published",
            "DeleteVolume of a published volume succeeds or is FAILED_PRECONDITION, and unpublishing works",
            needs: [.usableVolumes]
        ) {
            let target = try await $0.publish($0.prepare())
            try await $0.allow(
                CSIv1.Controller.deleteVolume, .init(volumeID: target.volumeID, secrets: $0.secrets),
                or: .failedPrecondition)
            try await $0.unpublish(target)
        },
        ConformanceCase("delete-volume/others-stay", "deleting one volume leaves the others", needs: [.volumes]) {
            let first = try await $0.createVolume()
            let second = try await $0.createVolume()
            try await $0.deleteVolume(first.volumeID)
            try await $0.call(CSIv1.Controller.validateVolumeCapabilities, $0.validateRequest(second))
        },
    ]

    private static let validations = Refusals(
        group: "validate-volume", method: CSIv1.Controller.validateVolumeCapabilities, needs: [.volumes],
        request: { try await $0.validateRequest($0.createVolume()) })

    static let validateVolume: [ConformanceCase] = [
        validations.row("no-id", "ValidateVolumeCapabilities without an id", origin: .sanity) { $0.volumeID = "" },
        validations.row("no-capabilities", "ValidateVolumeCapabilities without capabilities", origin: .sanity) {
            $0.volumeCapabilities = []
        },
        validations.row("empty-capability", "a capability without anything") { $0.volumeCapabilities = [.init()] },
        validations.row("unknown-access-mode", "the access mode UNKNOWN") {
            $0.volumeCapabilities = $0.volumeCapabilities.map {
                .init(accessType: $0.accessType, accessMode: .init(mode: .unknown))
            }
        },
        validations.row("unknown-volume", "a volume that does not exist", [.notFound], origin: .sanity) {
            $0.volumeID = absentID
        },
        ConformanceCase(
            "validate-volume/confirmed", "the capability that a volume was made with is confirmed", .sanity,
            needs: [.volumes]
        ) {
            let request = try await $0.validateRequest($0.createVolume())
            let reply = try await $0.call(CSIv1.Controller.validateVolumeCapabilities, request)
            try $0.expect(
                "the confirmed capabilities", reply.confirmed?.volumeCapabilities ?? [],
                equals: request.volumeCapabilities)
        },
        ConformanceCase(
            "validate-volume/repeated", "the same ValidateVolumeCapabilities gets the same answer", needs: [.volumes]
        ) {
            let request = try await $0.validateRequest($0.createVolume())
            let first = try await $0.call(CSIv1.Controller.validateVolumeCapabilities, request)
            for _ in 0..<$0.configuration.repeats {
                try $0.expect(
                    "ValidateVolumeCapabilities again",
                    try await $0.call(CSIv1.Controller.validateVolumeCapabilities, request), equals: first)
            }
        },
        ConformanceCase(
            "validate-volume/both-writers", "the modes of SINGLE_NODE_MULTI_WRITER are confirmed", .sidecars,
            needs: [.volumes, .controller(.singleNodeMultiWriter)]
        ) {
            for mode in [CSIv1.VolumeCapability.AccessMode.Mode.singleNodeSingleWriter, .singleNodeMultiWriter] {
                var create = $0.createRequest()
                create.volumeCapabilities = [$0.capability(mode: mode)]
                var request = $0.validateRequest(try await $0.createVolume(create))
                request.volumeCapabilities = create.volumeCapabilities
                let reply = try await $0.call(CSIv1.Controller.validateVolumeCapabilities, request)
                try $0.expect(
                    "the confirmed capabilities", reply.confirmed?.volumeCapabilities ?? [],
                    equals: request.volumeCapabilities)
            }
        },
    ]

    static let capacity: [ConformanceCase] = [
        ConformanceCase(
            "get-capacity/empty-request", "GetCapacity without arguments succeeds", .sanity,
            needs: [.controller(.getCapacity)]
        ) {
            let reply = try await $0.call(CSIv1.Controller.getCapacity, .init())
            try $0.expect(
                reply.availableCapacity >= 0, "GetCapacity", "a capacity that is not negative",
                saw: "\(reply.availableCapacity)")
        },
        ConformanceCase(
            "get-capacity/bounds", "the largest volume is not smaller than the smallest one",
            needs: [.controller(.getCapacity)]
        ) {
            let reply = try await $0.call(CSIv1.Controller.getCapacity, .init())
            let largest = reply.maximumVolumeSize?.value ?? .max
            let smallest = reply.minimumVolumeSize?.value ?? 0
            try $0.expect(
                largest >= smallest && smallest >= 0, "GetCapacity", "0 <= minimum <= maximum", saw: "\(reply)")
        },
        ConformanceCase(
            "get-capacity/with-arguments", "GetCapacity takes the parameters and capabilities of a class", .sidecars,
            needs: [.controller(.getCapacity)]
        ) {
            try await $0.call(
                CSIv1.Controller.getCapacity,
                .init(
                    volumeCapabilities: [$0.capability], parameters: $0.configuration.parameters,
                    accessibleTopology: $0.subject.nodeInfo.accessibleTopology))
        },
        ConformanceCase(
            "get-capacity/empty-capability", "a capability without anything is INVALID_ARGUMENT",
            needs: [.controller(.getCapacity)]
        ) {
            try await $0.refuse(CSIv1.Controller.getCapacity, .init(volumeCapabilities: [.init()]), .invalidArgument)
        },
        ConformanceCase(
            "get-capacity/parameters-too-large", "parameters of more than 4 KiB are INVALID_ARGUMENT",
            needs: [.controller(.getCapacity)]
        ) {
            try await $0.refuse(CSIv1.Controller.getCapacity, .init(parameters: tooLarge), .invalidArgument)
        },
    ]
}
