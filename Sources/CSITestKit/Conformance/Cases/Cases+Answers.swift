import CSIProto
import CSITransport

extension ConformanceCase {
    /// What holds for every answer, checked on the errors that a driver can be made to give.
    static let answers: [ConformanceCase] = [
        ConformanceCase("answers/message", "an error has a message", needs: [.volumes]) {
            for (call, error) in await $0.provokeErrors() {
                try $0.expect(!error.message.isEmpty, call, "a message with \(error.code)", saw: "none")
            }
        },
        ConformanceCase("answers/no-details", "an error has no details", needs: [.volumes]) {
            for (call, error) in await $0.provokeErrors() {
                for status in error.metadata.binaryValues(for: "grpc-status-details-bin") {
                    try $0.expect(
                        !Self.hasDetails(status), call, "a status without details", saw: "details with \(error)")
                }
            }
        },
        ConformanceCase(
            "answers/known-code", "an error has a code of gRPC, and not UNKNOWN", .knownDefect, needs: [.volumes]
        ) {
            for (call, error) in await $0.provokeErrors() {
                try $0.expect(
                    (1...16).contains(error.code.rawValue) && error.code != .unknown, call,
                    "a code that says something", saw: error.description)
            }
        },
        ConformanceCase(
            "answers/clean-message", "a message is not the text of another status", .knownDefect, needs: [.volumes]
        ) {
            for (call, error) in await $0.provokeErrors() {
                try $0.expect(
                    !error.message.contains("rpc error:") && !error.message.contains("code = "), call,
                    "a message for people", saw: error.description)
            }
        },
        ConformanceCase("answers/not-internal", "a wrong request is not INTERNAL", .sidecars, needs: [.volumes]) {
            for (call, error) in await $0.provokeErrors() {
                try $0.expect(
                    error.code != .internalError, call, "a code that blames the request", saw: error.description)
            }
        },
        ConformanceCase("answers/secrets-not-echoed", "no answer repeats a secret", needs: [.volumes]) {
            for (call, error) in await $0.provokeErrors() {
                try $0.expect(
                    !error.message.contains(ConformanceTrial.canary), call, "no secret", saw: "it in the message")
            }
            var request = $0.createRequest()
            request.secrets = $0.canarySecrets
            guard case .success(let reply) = await $0.attempt(CSIv1.Controller.createVolume, request) else { return }
            let canary = Array(ConformanceTrial.canary.utf8)
            let bytes = reply.encoded()
            let isEchoed = bytes.indices.contains { bytes[$0...].starts(with: canary) }
            try $0.expect(!isEchoed, "CreateVolume", "no secret in the volume", saw: "it in \(reply)")
        },
        ConformanceCase("answers/idle-connection", "a connection that has been idle for three seconds works", .sidecars)
        {
            try await Task.sleep(for: .seconds(3))
            try await $0.call(CSIv1.Identity.probe, .init())
        },
    ]

    /// Whether a google.rpc.Status has its field 3.
    private static func hasDetails(_ bytes: [UInt8]) -> Bool {
        guard let status = try? RawMessage(decoding: bytes) else { return true }
        let fields = status.unknownFields.bytes
        var position = 0
        while position < fields.count {
            let tag = fields[position]
            if tag >> 3 == 3 { return true }
            position += 1
            // A varint or a length, and then so many bytes.
            var value = 0
            var shift = 0
            while position < fields.count {
                let byte = fields[position]
                position += 1
                if shift < 28 { value |= Int(byte & 0x7F) << shift }
                shift += 7
                if byte < 0x80 { break }
            }
            if tag & 7 == 2 { position += value }
        }
        return false
    }
}

extension ConformanceTrial {
    fileprivate static let canary = "conformance-secret-7f1c2b"

    fileprivate var canarySecrets: Secrets {
        var map = configuration.secrets
        map["conformance-canary"] = Self.canary
        return Secrets(map)
    }

    /// Makes a dozen calls that a driver has to refuse.
    ///
    /// - Returns: the calls that it did refuse, with the errors.
    fileprivate func provokeErrors() async -> [(call: String, error: RPCError)] {
        var errors: [(call: String, error: RPCError)] = []
        func provoke<Request: ProtoMessage, Response: ProtoMessage>(
            _ method: RPCMethod<Request, Response>, _ request: Request
        ) async {
            if case .failure(let error) = await attempt(method, request), error.code != .unimplemented {
                errors.append((method.name, error))
            }
        }
        let absent = ConformanceCase.absentID
        var unnamed = createRequest(name: "")
        unnamed.secrets = canarySecrets
        await provoke(CSIv1.Controller.createVolume, unnamed)
        await provoke(CSIv1.Controller.deleteVolume, .init(secrets: canarySecrets))
        await provoke(
            CSIv1.Controller.validateVolumeCapabilities,
            .init(volumeID: absent, volumeCapabilities: [capability], secrets: canarySecrets))
        await provoke(CSIv1.Controller.listVolumes, .init(startingToken: "invalid-token"))
        await provoke(CSIv1.Controller.createSnapshot, .init(secrets: canarySecrets))
        await provoke(CSIv1.Controller.controllerPublishVolume, .init(secrets: canarySecrets))
        await provoke(
            CSIv1.Controller.controllerExpandVolume,
            .init(volumeID: absent, capacityRange: .init(requiredBytes: 1 << 20), secrets: canarySecrets))
        guard subject.servesNode else { return errors }
        let missing = PreparedVolume(
            volume: .init(volumeID: absent), capability: capability,
            stagingPath: configuration.stagingDirectory + "/absent")
        var publish = publishRequest(missing, at: configuration.targetDirectory + "/absent")
        publish.secrets = canarySecrets
        await provoke(CSIv1.Node.nodePublishVolume, publish)
        await provoke(CSIv1.Node.nodeUnpublishVolume, .init(targetPath: publish.targetPath))
        await provoke(CSIv1.Node.nodeGetVolumeStats, .init(volumeID: absent, volumePath: "/some/path"))
        return errors
    }
}
