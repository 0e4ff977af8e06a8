import CSIProto
import CSITransport

extension ConformanceCase {
    private static let tracking: [ConformanceNeed] = [.volumes, .snapshots, .service(.snapshotMetadataService)]

    static let snapshotMetadata: [ConformanceCase] = allocated + delta

    private static func allocatedRefusal(
        _ name: String, _ title: String, _ codes: [RPCCode],
        _ change: @escaping @Sendable (inout CSIv1.GetMetadataAllocatedRequest) -> Void
    ) -> ConformanceCase {
        let expected = codes.map(\.name).joined(separator: " or ")
        return ConformanceCase("snapshot-metadata/\(name)", "\(title) is \(expected)", needs: tracking) {
            var request = CSIv1.GetMetadataAllocatedRequest(snapshotID: try await $0.newSnapshot(), secrets: $0.secrets)
            change(&request)
            try await $0.refuseStream(CSIv1.SnapshotMetadata.getMetadataAllocated, request, codes)
        }
    }

    private static func deltaRefusal(
        _ name: String, _ title: String, _ codes: [RPCCode],
        _ change: @escaping @Sendable (inout CSIv1.GetMetadataDeltaRequest) -> Void
    ) -> ConformanceCase {
        let expected = codes.map(\.name).joined(separator: " or ")
        return ConformanceCase("snapshot-metadata/\(name)", "\(title) is \(expected)", needs: tracking) {
            var request = try await $0.deltaRequest()
            change(&request)
            try await $0.refuseStream(CSIv1.SnapshotMetadata.getMetadataDelta, request, codes)
        }
    }

    private static let allocated: [ConformanceCase] = [
        allocatedRefusal("allocated-no-id", "GetMetadataAllocated without an id", [.invalidArgument]) {
            $0.snapshotID = ""
        },
        allocatedRefusal("allocated-unknown", "a snapshot that does not exist", [.notFound]) {
            $0.snapshotID = absentID
        },
        allocatedRefusal("allocated-negative-offset", "a negative starting_offset", [.invalidArgument, .outOfRange]) {
            $0.startingOffset = -1
        },
        allocatedRefusal("allocated-negative-max-results", "a negative max_results", [.invalidArgument]) {
            $0.maxResults = -1
        },
        allocatedRefusal("allocated-past-end", "a starting_offset past the end", [.outOfRange]) {
            $0.startingOffset = .max
        },
        ConformanceCase(
            "snapshot-metadata/allocated-blocks", "allocated blocks are in order, apart and within the volume",
            needs: tracking
        ) {
            let request = CSIv1.GetMetadataAllocatedRequest(snapshotID: try await $0.newSnapshot(), secrets: $0.secrets)
            try $0.expectBlocks(try await $0.read(request))
        },
        ConformanceCase(
            "snapshot-metadata/allocated-max-results", "max_results bounds the blocks of a message", needs: tracking
        ) {
            let request = CSIv1.GetMetadataAllocatedRequest(
                snapshotID: try await $0.newSnapshot(), maxResults: 1, secrets: $0.secrets)
            for part in try await $0.read(request) {
                try $0.expect(
                    part.blocks.count <= 1, "GetMetadataAllocated", "at most 1 block in a message",
                    saw: "\(part.blocks.count)")
            }
        },
        ConformanceCase(
            "snapshot-metadata/allocated-resumed", "starting_offset leads to the rest of the blocks", needs: tracking
        ) {
            var request = CSIv1.GetMetadataAllocatedRequest(snapshotID: try await $0.newSnapshot(), secrets: $0.secrets)
            let all = try await $0.read(request).flatMap(\.blocks)
            guard all.count > 1 else {
                throw ConformanceSkip(reason: "the snapshot has fewer than two allocated ranges")
            }
            request.startingOffset = all[1].byteOffset
            try $0.expect(
                "the blocks from the second one on", try await $0.read(request).flatMap(\.blocks),
                equals: Array(all[1...]))
        },
    ]

    private static let delta: [ConformanceCase] = [
        deltaRefusal("delta-no-base", "GetMetadataDelta without a base", [.invalidArgument]) { $0.baseSnapshotID = "" },
        deltaRefusal("delta-no-target", "GetMetadataDelta without a target", [.invalidArgument]) {
            $0.targetSnapshotID = ""
        },
        deltaRefusal("delta-unknown-base", "a base that does not exist", [.notFound]) { $0.baseSnapshotID = absentID },
        deltaRefusal("delta-unknown-target", "a target that does not exist", [.notFound]) {
            $0.targetSnapshotID = absentID
        },
        deltaRefusal("delta-negative-offset", "a negative starting_offset", [.invalidArgument, .outOfRange]) {
            $0.startingOffset = -1
        },
        deltaRefusal("delta-negative-max-results", "a negative max_results", [.invalidArgument]) { $0.maxResults = -1 },
        deltaRefusal("delta-past-end", "a starting_offset past the end", [.outOfRange]) { $0.startingOffset = .max },
        ConformanceCase(
            "snapshot-metadata/delta-blocks", "changed blocks are in order, apart and within the volume",
            needs: tracking
        ) {
            try $0.expectBlocks(try await $0.read($0.deltaRequest()))
        },
        ConformanceCase(
            "snapshot-metadata/delta-max-results", "max_results bounds the changed blocks of a message", needs: tracking
        ) {
            var request = try await $0.deltaRequest()
            request.maxResults = 1
            for part in try await $0.read(request) {
                try $0.expect(
                    part.blocks.count <= 1, "GetMetadataDelta", "at most 1 block in a message",
                    saw: "\(part.blocks.count)")
            }
        },
        ConformanceCase("snapshot-metadata/delta-itself", "a snapshot does not differ from itself", needs: tracking) {
            var request = try await $0.deltaRequest()
            request.targetSnapshotID = request.baseSnapshotID
            try $0.expect("the changed blocks", try await $0.read(request).flatMap(\.blocks), equals: [])
        },
        ConformanceCase(
            "snapshot-metadata/delta-other-volumes", "snapshots of two volumes have no delta", needs: tracking
        ) {
            var request = try await $0.deltaRequest()
            request.targetSnapshotID = try await $0.newSnapshot()
            try await $0.refuseStream(
                CSIv1.SnapshotMetadata.getMetadataDelta, request, [.invalidArgument, .failedPrecondition])
        },
    ]
}

/// One message of either stream.
private struct MetadataPart: Sendable {
    let type: CSIv1.BlockMetadataType
    let capacity: Int64
    let blocks: [CSIv1.BlockMetadata]
}

extension ConformanceTrial {
    fileprivate func newSnapshot() async throws -> String {
        try await createSnapshot(snapshotRequest(createVolume().volumeID)).snapshotID
    }

    /// A request about two snapshots of one volume.
    fileprivate func deltaRequest() async throws -> CSIv1.GetMetadataDeltaRequest {
        let volume = try await createVolume().volumeID
        let base = try await createSnapshot(snapshotRequest(volume)).snapshotID
        let target = try await createSnapshot(snapshotRequest(volume)).snapshotID
        return .init(baseSnapshotID: base, targetSnapshotID: target, secrets: secrets)
    }

    fileprivate func read(_ request: CSIv1.GetMetadataAllocatedRequest) async throws -> [MetadataPart] {
        try await stream(CSIv1.SnapshotMetadata.getMetadataAllocated, request).get().map {
            MetadataPart(type: $0.blockMetadataType, capacity: $0.volumeCapacityBytes, blocks: $0.blockMetadata)
        }
    }

    fileprivate func read(_ request: CSIv1.GetMetadataDeltaRequest) async throws -> [MetadataPart] {
        try await stream(CSIv1.SnapshotMetadata.getMetadataDelta, request).get().map {
            MetadataPart(type: $0.blockMetadataType, capacity: $0.volumeCapacityBytes, blocks: $0.blockMetadata)
        }
    }

    fileprivate func refuseStream<Request: ProtoMessage, Response: ProtoMessage>(
        _ method: RPCMethod<Request, Response>, _ request: Request, _ codes: [RPCCode]
    ) async throws {
        let expected = codes.map(\.name).joined(separator: " or ")
        let step = "\(method.name) \(request.described(maximumLength: 400))"
        switch await stream(method, request) {
        case .success(let parts):
            throw ConformanceFinding(step: step, expected: expected, seen: "OK after \(parts.count) messages")
        case .failure(let error):
            try expect(codes.contains(error.code), step, expected, saw: error.description)
        }
    }

    fileprivate func stream<Request: ProtoMessage, Response: ProtoMessage>(
        _ method: RPCMethod<Request, Response>, _ request: Request
    ) async -> Result<[Response], RPCError> {
        let client = subject.endpoints.client(for: method.path)
        do {
            let parts = try await client.serverStreaming(method, request, timeout: configuration.callTimeout) {
                reader in
                var parts: [Response] = []
                while let part = try await reader.next() { parts.append(part) }
                return parts
            }
            return .success(parts)
        } catch {
            return .failure(error as? RPCError ?? RPCError(code: .unknown, message: "\(error)"))
        }
    }

    fileprivate func expectBlocks(_ parts: [MetadataPart]) throws {
        try expect(!parts.isEmpty, "the stream", "at least one message", saw: "none")
        var end: Int64 = 0
        for part in parts {
            let isKnown = part.type == .fixedLength || part.type == .variableLength
            try expect(
                isKnown && part.type == parts[0].type, "block_metadata_type", "one known type", saw: "\(part.type)")
            try expect(
                part.capacity > 0 && part.capacity == parts[0].capacity, "volume_capacity_bytes", "one positive size",
                saw: "\(part.capacity)")
            for block in part.blocks {
                let (next, overflow) = block.byteOffset.addingReportingOverflow(block.sizeBytes)
                try expect(
                    block.byteOffset >= end && block.sizeBytes > 0 && !overflow && next <= part.capacity, "a block",
                    "a range from \(end) up to \(part.capacity)", saw: "\(block)")
                end = next
            }
        }
    }
}
