import CSILock
import CSIProto
import CSITransport

/// One run of one row: the typed client that its steps use, and the memory of what is to be removed afterwards.
final class ConformanceTrial: Sendable {
    /// Something that a row made.
    enum Made: Sendable, Hashable {
        /// A volume that may have been made without our knowing its id.
        case perhapsVolume(CSIv1.CreateVolumeRequest)
        /// A snapshot that may have been taken without our knowing its id.
        case perhapsSnapshot(CSIv1.CreateSnapshotRequest)
        case volume(String)
        case snapshot(String)
        case group(String, [String])
        case attachment(volume: String, node: String)
        case staged(volume: String, path: String)
        case published(volume: String, path: String)
        case directory(String)
        case stacked(String)
    }

    private struct State {
        var made: [Made] = []
        var serial = 0
    }

    let subject: ConformanceSubject
    let id: String
    private let state = Guarded(State())

    init(_ subject: ConformanceSubject, id: String) {
        self.subject = subject
        self.id = id
    }

    var configuration: ConformanceConfiguration { subject.configuration }
    var site: any ConformanceSite { configuration.site }
    var secrets: Secrets { Secrets(configuration.secrets) }

    /// A number that this row has not used yet.
    func nextSerial() -> Int {
        state.withLock { state in
            state.serial += 1
            return state.serial
        }
    }

    /// A name that nobody uses.
    func newName() -> String {
        "conformance-\(subject.tag)-\(id.map { $0 == "/" ? "." : $0 }.suffix(60).map(String.init).joined())-\(nextSerial())"
    }

    // MARK: Calls

    /// Makes a call and remembers what it made.
    func attempt<Request: ProtoMessage, Response: ProtoMessage>(
        _ method: RPCMethod<Request, Response>, _ request: Request, on client: RPCClient? = nil
    ) async -> Result<Response, RPCError> {
        let client = client ?? subject.endpoints.client(for: method.path)
        do throws(RPCError) {
            let response = try await client.unary(method, request, timeout: configuration.callTimeout)
            note(Made(request: request, response: response))
            return .success(response)
        } catch {
            // The work may be going on: it is undone as if it had succeeded.
            if [.deadlineExceeded, .cancelled, .unavailable].contains(error.code) { note(Made(request: request)) }
            return .failure(error)
        }
    }

    /// Makes a call that has to succeed.
    @discardableResult
    func call<Request: ProtoMessage, Response: ProtoMessage>(
        _ method: RPCMethod<Request, Response>, _ request: Request, on client: RPCClient? = nil
    ) async throws -> Response {
        switch await attempt(method, request, on: client) {
        case .success(let response): return response
        case .failure(let error): throw finding(method, request, "OK", error.description)
        }
    }

    /// Makes a call that has to be refused with one of these codes.
    @discardableResult
    func refuse<Request: ProtoMessage, Response: ProtoMessage>(
        _ method: RPCMethod<Request, Response>, _ request: Request, _ codes: RPCCode...
    ) async throws -> RPCError {
        try await refuse(method, request, codes)
    }

    /// Makes a call that has to be refused with one of these codes.
    @discardableResult
    func refuse<Request: ProtoMessage, Response: ProtoMessage>(
        _ method: RPCMethod<Request, Response>, _ request: Request, _ codes: [RPCCode]
    ) async throws -> RPCError {
        let expected = codes.isEmpty ? "an error" : codes.map(\.name).joined(separator: " or ")
        switch await attempt(method, request) {
        case .success(let response): throw finding(method, request, expected, "OK with \(response)")
        case .failure(let error):
            guard codes.isEmpty || codes.contains(error.code) else {
                throw finding(method, request, expected, error.description)
            }
            return error
        }
    }

    /// Makes a call that may succeed or be refused with one of these codes; nil when it was refused.
    @discardableResult
    func allow<Request: ProtoMessage, Response: ProtoMessage>(
        _ method: RPCMethod<Request, Response>, _ request: Request, or codes: RPCCode...
    ) async throws -> Response? {
        switch await attempt(method, request) {
        case .success(let response): return response
        case .failure(let error):
            guard codes.contains(error.code) else {
                let expected = "OK or " + codes.map(\.name).joined(separator: " or ")
                throw finding(method, request, expected, error.description)
            }
            return nil
        }
    }

    private func finding<Request: ProtoMessage, Response: ProtoMessage>(
        _ method: RPCMethod<Request, Response>, _ request: Request, _ expected: String, _ seen: String
    ) -> ConformanceFinding {
        let text = request.described(maximumLength: 400)
        return ConformanceFinding(step: "\(method.name) \(text)", expected: expected, seen: seen)
    }

    /// Throws a finding unless `condition` holds.
    func expect(
        _ condition: Bool, _ step: String, _ expected: @autoclosure () -> String, saw: @autoclosure () -> String
    ) throws {
        guard condition else { throw ConformanceFinding(step: step, expected: expected(), seen: saw()) }
    }

    /// Throws a finding unless both are equal.
    func expect<Value: Equatable>(_ step: String, _ seen: Value, equals expected: Value) throws {
        guard seen == expected else {
            throw ConformanceFinding(step: step, expected: "\(expected)", seen: "\(seen)")
        }
    }

    // MARK: Cleaning up

    /// Remembers something that is to be removed; once is enough.
    func note(_ made: Made?) {
        guard let made else { return }
        state.withLock { state in
            if !state.made.contains(made) { state.made.append(made) }
        }
    }

    /// Removes what the row made, the last thing first.
    ///
    /// - Returns: what the driver did wrong with it.
    func cleanUp() async -> [ConformanceFinding] {
        var findings: [ConformanceFinding] = []
        let made = state.withLock { state in
            let made = state.made
            state.made = []
            return made
        }
        for item in made.reversed() {
            do { try await remove(item) } catch let finding as ConformanceFinding {
                findings.append(
                    ConformanceFinding(
                        step: "cleaning up, \(finding.step)", expected: finding.expected, seen: finding.seen))
            } catch {}
        }
        return findings
    }

    private func remove(_ made: Made) async throws {
        switch made {
        case .perhapsVolume(let request):
            // Only a repetition tells the id.
            guard case .success(let reply) = await attempt(CSIv1.Controller.createVolume, request) else { return }
            try await remove(.volume(reply.volume?.volumeID ?? ""))
        case .perhapsSnapshot(let request):
            guard case .success(let reply) = await attempt(CSIv1.Controller.createSnapshot, request) else { return }
            try await remove(.snapshot(reply.snapshot?.snapshotID ?? ""))
        case .volume(let id):
            try await call(CSIv1.Controller.deleteVolume, .init(volumeID: id, secrets: secrets))
        case .snapshot(let id):
            try await call(CSIv1.Controller.deleteSnapshot, .init(snapshotID: id, secrets: secrets))
        case .group(let id, let members):
            try await call(
                CSIv1.GroupController.deleteVolumeGroupSnapshot,
                .init(groupSnapshotID: id, snapshotIDs: members, secrets: secrets))
        case .attachment(let volume, let node):
            try await call(
                CSIv1.Controller.controllerUnpublishVolume, .init(volumeID: volume, nodeID: node, secrets: secrets))
        case .staged(let volume, let path):
            try await allow(
                CSIv1.Node.nodeUnstageVolume, .init(volumeID: volume, stagingTargetPath: path), or: .notFound)
        case .published(let volume, let path):
            try await allow(CSIv1.Node.nodeUnpublishVolume, .init(volumeID: volume, targetPath: path), or: .notFound)
        case .directory(let path): await site.removeDirectory(path)
        case .stacked(let path): await site.unstack(path)
        }
    }
}

extension ConformanceTrial.Made {
    /// What a call that succeeded, or may have, has made.
    init?(request: any ProtoMessage, response: (any ProtoMessage)? = nil) {
        switch (request, response) {
        case (let request as CSIv1.CreateVolumeRequest, nil): self = .perhapsVolume(request)
        case (let request as CSIv1.CreateSnapshotRequest, nil): self = .perhapsSnapshot(request)
        case (_, let reply as CSIv1.CreateVolumeResponse):
            guard let id = reply.volume?.volumeID, !id.isEmpty else { return nil }
            self = .volume(id)
        case (_, let reply as CSIv1.CreateSnapshotResponse):
            guard let id = reply.snapshot?.snapshotID, !id.isEmpty else { return nil }
            self = .snapshot(id)
        case (_, let reply as CSIv1.CreateVolumeGroupSnapshotResponse):
            guard let group = reply.groupSnapshot, !group.groupSnapshotID.isEmpty else { return nil }
            self = .group(group.groupSnapshotID, group.snapshots.map(\.snapshotID))
        case (let request as CSIv1.ControllerPublishVolumeRequest, _):
            self = .attachment(volume: request.volumeID, node: request.nodeID)
        case (let request as CSIv1.NodeStageVolumeRequest, _):
            self = .staged(volume: request.volumeID, path: request.stagingTargetPath)
        case (let request as CSIv1.NodePublishVolumeRequest, _):
            self = .published(volume: request.volumeID, path: request.targetPath)
        default: return nil
        }
    }
}
