import CSIProto
import CSITransport

extension ConformanceCase {
    private static let refusals = Refusals(
        group: "create-volume", method: CSIv1.Controller.createVolume, needs: [.volumes],
        request: { $0.createRequest() })

    static let createVolume: [ConformanceCase] = [
        refusals.row("no-name", "CreateVolume without a name", origin: .sanity) { $0.name = "" },
        refusals.row("no-capabilities", "CreateVolume without capabilities", origin: .sanity) {
            $0.volumeCapabilities = []
        },
        refusals.row("empty-capability", "a capability without anything", origin: .knownDefect) {
            $0.volumeCapabilities = [.init()]
        },
        refusals.row("no-access-type", "a capability that is neither block nor mount") {
            $0.volumeCapabilities = $0.volumeCapabilities.map { .init(accessMode: $0.accessMode) }
        },
        refusals.row("no-access-mode", "a capability without an access mode") {
            $0.volumeCapabilities = $0.volumeCapabilities.map { .init(accessType: $0.accessType) }
        },
        refusals.row("unknown-access-mode", "the access mode UNKNOWN", origin: .knownDefect) {
            $0.volumeCapabilities = $0.volumeCapabilities.map {
                .init(accessType: $0.accessType, accessMode: .init(mode: .unknown))
            }
        },
        refusals.row("undefined-access-mode", "an access mode that CSI does not define") {
            $0.volumeCapabilities = $0.volumeCapabilities.map {
                .init(accessType: $0.accessType, accessMode: .init(mode: .init(rawValue: 77)))
            }
        },
        refusals.row("name-too-long", "a name of 129 bytes", origin: .knownDefect) { $0.name = tooLong },
        refusals.row("name-with-controls", "a name with a NUL character", origin: .knownDefect) { $0.name += "\u{0}x" },
        refusals.row("name-with-escape", "a name with an escape character") { $0.name += "\u{1B}[2J" },
        refusals.row("negative-size", "a negative required_bytes", [.invalidArgument, .outOfRange]) {
            $0.capacityRange = .init(requiredBytes: -1)
        },
        refusals.row("negative-limit", "a negative limit_bytes", [.invalidArgument, .outOfRange]) {
            $0.capacityRange = .init(limitBytes: -1)
        },
        refusals.row("inverted-range", "a limit below the required size", [.invalidArgument, .outOfRange]) {
            $0.capacityRange = .init(requiredBytes: 2 << 20, limitBytes: 1 << 20)
        },
        refusals.row("parameters-too-large", "parameters of more than 4 KiB") { $0.parameters = tooLarge },
        refusals.row("unknown-parameter", "a parameter that the driver does not know") {
            $0.parameters["no-such-key"] = "x"
        },
        refusals.row("fs-type-too-long", "a file system type of 129 bytes", needs: [.mounts]) {
            $0.volumeCapabilities = [
                .init(accessType: .mount(.init(fsType: tooLong)), accessMode: $0.volumeCapabilities.first?.accessMode)
            ]
        },
        refusals.row("mount-flags-too-large", "mount flags of more than 4 KiB", needs: [.mounts]) {
            $0.volumeCapabilities = [
                .init(
                    accessType: .mount(.init(mountFlags: [String](repeating: "noatime", count: 1_000))),
                    accessMode: $0.volumeCapabilities.first?.accessMode)
            ]
        },
        refusals.row(
            "unknown-mutable-parameter", "a mutable parameter that the driver does not know", origin: .sanity,
            needs: [.controller(.modifyVolume)]
        ) { $0.mutableParameters["no-such-key"] = "x" },
        refusals.row(
            "unsatisfiable-topology", "a topology that no node has", [.resourceExhausted],
            needs: [.service(.volumeAccessibilityConstraints)]
        ) {
            $0.accessibilityRequirements = .init(requisite: [.init(segments: ["conformance.example/zone": "nowhere"])])
        },
        ConformanceCase(
            "create-volume/created", "CreateVolume makes a volume with an id and at least the required size", .sanity,
            needs: [.volumes]
        ) {
            let volume = try await $0.createVolume()
            try $0.expect(
                volume.capacityBytes == 0 || volume.capacityBytes >= $0.configuration.volumeSize, "CreateVolume",
                "at least \($0.configuration.volumeSize) bytes, or 0", saw: "\(volume.capacityBytes)")
            try $0.expect(
                volume.volumeID.utf8.count <= 128, "CreateVolume", "an id of at most 128 bytes",
                saw: "\(volume.volumeID.utf8.count)")
            try $0.expect(
                volume.volumeContext.bytes <= 4_096, "CreateVolume", "a context of at most 4096 bytes",
                saw: "\(volume.volumeContext.bytes)")
        },
        ConformanceCase("create-volume/no-range", "CreateVolume without a size makes a volume", needs: [.volumes]) {
            var request = $0.createRequest()
            request.capacityRange = nil
            try await $0.createVolume(request)
        },
        ConformanceCase("create-volume/limit-kept", "a volume is not larger than limit_bytes", needs: [.volumes]) {
            var request = $0.createRequest()
            request.capacityRange = .init(
                requiredBytes: $0.configuration.volumeSize, limitBytes: $0.configuration.volumeSize)
            let volume = try await $0.createVolume(request)
            try $0.expect(
                volume.capacityBytes == 0 || volume.capacityBytes == $0.configuration.volumeSize, "CreateVolume",
                "exactly \($0.configuration.volumeSize) bytes, or 0", saw: "\(volume.capacityBytes)")
        },
        ConformanceCase(
            "create-volume/longest-name", "a name of 128 bytes works, and works again", .sanity, needs: [.volumes]
        ) {
            let name = $0.newName()
            let request = $0.createRequest(name: name + String(repeating: "x", count: 128 - name.utf8.count))
            let volume = try await $0.createVolume(request)
            try $0.expect("CreateVolume again", try await $0.createVolume(request).volumeID, equals: volume.volumeID)
        },
        ConformanceCase("create-volume/unicode-name", "a name outside of ASCII works", needs: [.volumes]) {
            try await $0.createVolume($0.createRequest(name: $0.newName() + "-\u{E9}\u{4E2D}/.. "))
        },
        ConformanceCase("create-volume/names-distinct", "other names make other volumes", needs: [.volumes]) {
            let first = try await $0.createVolume().volumeID
            let second = try await $0.createVolume().volumeID
            try $0.expect(first != second, "CreateVolume of another name", "another id", saw: second)
        },
        ConformanceCase("create-volume/impossible-size", "a size that cannot be is OUT_OF_RANGE", needs: [.volumes]) {
            var request = $0.createRequest()
            request.capacityRange = .init(requiredBytes: .max)
            // A driver that enforces no size may make the volume.
            if let volume = try await $0.allow(
                CSIv1.Controller.createVolume, request, or: .outOfRange, .resourceExhausted)?.volume
            {
                try $0.expect(
                    [0, .max].contains(volume.capacityBytes), "CreateVolume", "the size that was asked for, or 0",
                    saw: "\(volume.capacityBytes)")
            }
        },
        ConformanceCase(
            "create-volume/secrets", "CreateVolume works with the secrets, again and again", .knownDefect,
            needs: [.volumes, .secrets]
        ) {
            let request = $0.createRequest()
            try await $0.createVolume(request)
            try await $0.createVolume(request)
        },
        ConformanceCase(
            "create-volume/mutable-parameters", "CreateVolume takes the mutable parameters", .sanity,
            needs: [.volumes, .controller(.modifyVolume), .mutableParameters]
        ) {
            var request = $0.createRequest()
            request.mutableParameters = $0.configuration.mutableParameters
            try await $0.createVolume(request)
        },
        ConformanceCase(
            "create-volume/topology", "a volume says from where it can be reached",
            needs: [.volumes, .nodeService, .service(.volumeAccessibilityConstraints)]
        ) {
            var request = $0.createRequest()
            if let topology = $0.subject.nodeInfo.accessibleTopology {
                request.accessibilityRequirements = .init(requisite: [topology], preferred: [topology])
            }
            let volume = try await $0.createVolume(request)
            try $0.expect(
                volume.accessibleTopology.contains { !$0.segments.isEmpty }, "CreateVolume", "an accessible topology",
                saw: "\(volume)")
        },
        ConformanceCase(
            "create-volume/both-writers", "volumes of the modes that SINGLE_NODE_MULTI_WRITER adds can be made",
            .sidecars, needs: [.volumes, .controller(.singleNodeMultiWriter)]
        ) {
            for mode in [CSIv1.VolumeCapability.AccessMode.Mode.singleNodeSingleWriter, .singleNodeMultiWriter] {
                var request = $0.createRequest()
                request.volumeCapabilities = [$0.capability(mode: mode)]
                try await $0.createVolume(request)
            }
        },
    ]

    static let createVolumeIdempotency: [ConformanceCase] = [
        ConformanceCase(
            "create-volume/repeated", "the same CreateVolume gives the same volume", .sanity, needs: [.volumes]
        ) {
            let request = $0.createRequest()
            let volume = try await $0.createVolume(request)
            for _ in 0..<$0.configuration.repeats {
                try $0.expect("CreateVolume again", try await $0.createVolume(request), equals: volume)
            }
        },
        ConformanceCase(
            "create-volume/same-name-other-size", "the same name with another size is ALREADY_EXISTS", .sanity,
            needs: [.volumes]
        ) {
            var request = $0.createRequest()
            request.capacityRange = .init(
                requiredBytes: $0.configuration.volumeSize, limitBytes: $0.configuration.volumeSize)
            guard try await $0.createVolume(request).capacityBytes != 0 else {
                throw ConformanceSkip(reason: "the driver does not know sizes")
            }
            request.capacityRange = .init(
                requiredBytes: $0.configuration.volumeSize * 2, limitBytes: $0.configuration.volumeSize * 2)
            try await $0.refuse(CSIv1.Controller.createVolume, request, .alreadyExists)
        },
        ConformanceCase(
            "create-volume/same-name-fitting-size",
            "the same name with a range that the volume fits gives the same volume", needs: [.volumes]
        ) {
            var request = $0.createRequest()
            let volume = try await $0.createVolume(request)
            guard volume.capacityBytes != 0 else { throw ConformanceSkip(reason: "the driver does not know sizes") }
            request.capacityRange = .init(requiredBytes: $0.configuration.volumeSize / 2)
            try $0.expect(
                "CreateVolume with half of the size", try await $0.createVolume(request).volumeID,
                equals: volume.volumeID)
        },
        ConformanceCase(
            "create-volume/same-name-other-access-type", "the same name for block instead of mount is refused",
            .knownDefect, needs: [.volumes]
        ) {
            var request = $0.createRequest()
            try await $0.createVolume(request)
            request.volumeCapabilities = [
                $0.capability(mode: $0.configuration.accessMode, block: $0.configuration.accessType == .mount)
            ]
            // A driver that has only one of them may call the other one invalid.
            try await $0.refuse(CSIv1.Controller.createVolume, request, .alreadyExists, .invalidArgument)
        },
        ConformanceCase(
            "create-volume/same-name-other-parameters", "the same name with incompatible parameters is ALREADY_EXISTS",
            needs: [.volumes, .configured("other parameters") { !$0.otherParameters.isEmpty }]
        ) {
            var request = $0.createRequest()
            try await $0.createVolume(request)
            request.parameters = $0.configuration.otherParameters
            try await $0.refuse(CSIv1.Controller.createVolume, request, .alreadyExists)
        },
        ConformanceCase(
            "create-volume/again-after-delete", "a name is free again once its volume is deleted", needs: [.volumes]
        ) {
            let request = $0.createRequest()
            try await $0.deleteVolume($0.createVolume(request).volumeID)
            let volume = try await $0.createVolume(request)
            try await $0.call(CSIv1.Controller.validateVolumeCapabilities, $0.validateRequest(volume))
        },
        ConformanceCase(
            "create-volume/nothing-left-after-refusal", "a refused CreateVolume leaves no volume",
            needs: [.volumes, .controller(.listVolumes)]
        ) {
            let before = Set(try await $0.listVolumes().map(\.volumeID))
            var request = $0.createRequest()
            request.capacityRange = .init(requiredBytes: 2 << 20, limitBytes: 1 << 20)
            _ = await $0.attempt(CSIv1.Controller.createVolume, request)
            let added = Set(try await $0.listVolumes().map(\.volumeID)).subtracting(before)
            try $0.expect("volumes after a refused CreateVolume", added, equals: [])
        },
    ]
}
