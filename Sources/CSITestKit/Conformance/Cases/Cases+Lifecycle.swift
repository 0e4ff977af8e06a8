import CSIProto
import CSITransport

extension ConformanceCase {
    static let lifecycle: [ConformanceCase] = [
        ConformanceCase(
            "lifecycle/once", "a volume lives: made, attached, staged, published, and all of it undone", .sanity,
            needs: [.usableVolumes]
        ) {
            try await $0.live(repeats: 1)
        },
        ConformanceCase(
            "lifecycle/every-step-repeated", "a volume lives with every step repeated", .sanity, needs: [.usableVolumes]
        ) {
            try await $0.live(repeats: $0.configuration.repeats)
        },
        ConformanceCase(
            "lifecycle/undone-twice", "what never was, and what is undone already, is undone again", .sanity,
            needs: [.usableVolumes]
        ) {
            let prepared = try await $0.prepare()
            let target = $0.publishRequest(prepared, at: try await $0.newTargetPath())
            for _ in 0..<2 {
                try await $0.unpublish(target)
                try await $0.release(prepared)
                try await $0.deleteVolume(prepared.id)
            }
        },
    ]

    static let concurrency: [ConformanceCase] = [
        ConformanceCase(
            "concurrency/same-volume", "one CreateVolume ten times at once makes one volume", .specification,
            needs: [.volumes]
        ) { trial in
            let request = trial.createRequest()
            let replies = try await trial.atOnce(
                CSIv1.Controller.createVolume, [CSIv1.CreateVolumeRequest](repeating: request, count: 10))
            try trial.expect("the ids of the answers", Set(replies.map { $0.volume?.volumeID ?? "" }).count, equals: 1)
            try trial.expect(
                "the id afterwards", try await trial.createVolume(request).volumeID,
                equals: replies.first?.volume?.volumeID)
        },
        ConformanceCase(
            "concurrency/other-volumes", "ten volumes made at once are ten volumes", .specification, needs: [.volumes]
        ) { trial in
            let requests = (0..<10).map { _ in trial.createRequest() }
            let replies = try await trial.atOnce(CSIv1.Controller.createVolume, requests, mayAbort: false)
            try trial.expect("the number of ids", Set(replies.map { $0.volume?.volumeID ?? "" }).count, equals: 10)
        },
        ConformanceCase(
            "concurrency/conflicting-volumes", "two CreateVolume of one name and two sizes at once: one wins",
            .specification, needs: [.volumes]
        ) { trial in
            var small = trial.createRequest()
            small.capacityRange = .init(
                requiredBytes: trial.configuration.volumeSize, limitBytes: trial.configuration.volumeSize)
            var large = small
            large.capacityRange = .init(
                requiredBytes: trial.configuration.expandedSize, limitBytes: trial.configuration.expandedSize)
            guard try await trial.createVolume().capacityBytes != 0 else {
                throw ConformanceSkip(reason: "the driver does not know sizes")
            }
            let requests = [small, large, small, large]
            let replies = try await trial.atOnce(CSIv1.Controller.createVolume, requests, or: [.alreadyExists])
            try trial.expect("the number of volumes", Set(replies.compactMap { $0.volume?.volumeID }).count, equals: 1)
            try trial.expect(
                "the number of sizes", Set(replies.compactMap { $0.volume?.capacityBytes }).count, equals: 1)
        },
        ConformanceCase(
            "concurrency/same-deletion", "one DeleteVolume ten times at once", .specification, needs: [.volumes]
        ) { trial in
            let volume = try await trial.createVolume()
            let request = CSIv1.DeleteVolumeRequest(volumeID: volume.volumeID, secrets: trial.secrets)
            try await trial.atOnce(
                CSIv1.Controller.deleteVolume, [CSIv1.DeleteVolumeRequest](repeating: request, count: 10))
            try await trial.refuse(
                CSIv1.Controller.validateVolumeCapabilities, trial.validateRequest(volume), .notFound)
        },
        ConformanceCase(
            "concurrency/same-snapshot", "one CreateSnapshot ten times at once makes one snapshot", .specification,
            needs: [.volumes, .snapshots]
        ) { trial in
            let request = trial.snapshotRequest(try await trial.createVolume().volumeID)
            let replies = try await trial.atOnce(
                CSIv1.Controller.createSnapshot, [CSIv1.CreateSnapshotRequest](repeating: request, count: 10))
            try trial.expect(
                "the ids of the answers", Set(replies.map { $0.snapshot?.snapshotID ?? "" }).count, equals: 1)
        },
        ConformanceCase(
            "concurrency/same-target", "one NodePublishVolume ten times at once is undone by one NodeUnpublishVolume",
            .specification, needs: [.usableVolumes]
        ) { trial in
            let prepared = try await trial.prepare()
            let request = trial.publishRequest(prepared, at: try await trial.newTargetPath())
            try await trial.atOnce(
                CSIv1.Node.nodePublishVolume, [CSIv1.NodePublishVolumeRequest](repeating: request, count: 10))
            try await trial.unpublish(request)
            if trial.site.isVisible {
                try trial.expect(
                    "whether the target exists", await trial.site.exists(request.targetPath), equals: false)
            }
            try await trial.release(prepared)
        },
        ConformanceCase(
            "concurrency/two-targets", "of two targets at once, a single writer gets one", .specification,
            needs: [.usableVolumes, .node(.singleNodeMultiWriter)]
        ) { trial in
            let mode = CSIv1.VolumeCapability.AccessMode.Mode.singleNodeSingleWriter
            var create = trial.createRequest()
            create.volumeCapabilities = [trial.capability(mode: mode)]
            let prepared = try await trial.prepare(trial.createVolume(create), capability: trial.capability(mode: mode))
            let first = trial.publishRequest(prepared, at: try await trial.newTargetPath())
            let second = trial.publishRequest(prepared, at: try await trial.newTargetPath())
            let replies = try await trial.atOnce(
                CSIv1.Node.nodePublishVolume, [first, second], or: [.failedPrecondition])
            try trial.expect("the number of targets", replies.count, equals: 1)
        },
    ]
}

extension ConformanceTrial {
    /// Makes calls at once; each succeeds, is ABORTED or has one of `codes`, and at least one succeeds.
    ///
    /// - Returns: the answers of those that succeeded.
    @discardableResult
    fileprivate func atOnce<Request: ProtoMessage, Response: ProtoMessage>(
        _ method: RPCMethod<Request, Response>, _ requests: [Request], mayAbort: Bool = true, or codes: [RPCCode] = []
    ) async throws -> [Response] {
        let results = await withTaskGroup(of: Result<Response, RPCError>.self) { group in
            for request in requests { group.addTask { await self.attempt(method, request) } }
            var results: [Result<Response, RPCError>] = []
            for await result in group { results.append(result) }
            return results
        }
        let allowed = codes + (mayAbort ? [.aborted] : [])
        var replies: [Response] = []
        for result in results {
            switch result {
            case .success(let reply): replies.append(reply)
            case .failure(let error):
                let expected = (["OK"] + allowed.map(\.name)).joined(separator: " or ")
                try expect(allowed.contains(error.code), "\(method.name) at once", expected, saw: error.description)
            }
        }
        try expect(!replies.isEmpty, "\(method.name) at once", "one to succeed", saw: "none")
        return replies
    }

    /// The life of a volume, each step so often.
    fileprivate func live(repeats: Int) async throws {
        let create = createRequest()
        for _ in 0..<repeats { try await createVolume(create) }
        var prepared = PreparedVolume(volume: try await createVolume(create), capability: capability)
        let attaches = subject.controller.contains(.publishUnpublishVolume)
        let stages = subject.node.contains(.stageUnstageVolume)
        for _ in 0..<(attaches ? repeats : 0) {
            prepared.publishContext = try await call(
                CSIv1.Controller.controllerPublishVolume, attachRequest(prepared)
            ).publishContext
        }
        if stages { prepared.stagingPath = try await newStagingPath() }
        for _ in 0..<(stages ? repeats : 0) { try await call(CSIv1.Node.nodeStageVolume, stageRequest(prepared)) }
        let publish = publishRequest(prepared, at: try await newTargetPath())
        for _ in 0..<repeats { try await call(CSIv1.Node.nodePublishVolume, publish) }
        for _ in 0..<(subject.node.contains(.getVolumeStats) ? repeats : 0) {
            try await call(
                CSIv1.Node.nodeGetVolumeStats,
                .init(
                    volumeID: prepared.id, volumePath: publish.targetPath, stagingTargetPath: prepared.stagingPath))
        }
        for _ in 0..<repeats { try await unpublish(publish) }
        for _ in 0..<repeats { try await release(prepared) }
        for _ in 0..<repeats { try await deleteVolume(prepared.id) }
    }
}
