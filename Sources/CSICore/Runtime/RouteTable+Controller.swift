import CSIProto

extension RouteTable {
    mutating func addProvisioning(_ driver: any VolumeProvisioning) {
        controller(CSIv1.Controller.createVolume) { (request: CreateVolume) async throws(CSIError) in
            try driver.support.requireAll(request.capabilities, field: "volume_capabilities")
            return CSIv1.CreateVolumeResponse(volume: try await driver.create(request).wire())
        }
        controller(CSIv1.Controller.deleteVolume) { (request: DeleteVolume) async throws(CSIError) in
            try await driver.delete(request)
            return CSIv1.DeleteVolumeResponse()
        }
        controller(CSIv1.Controller.validateVolumeCapabilities) {
            (request: ValidateVolumeCapabilities) async throws(CSIError) in
            guard let volume = try await driver.volume(request.id) else { throw .notFound(.volume(request.id)) }
            let unsupported = request.capabilities.lazy.compactMap { driver.support.refusal(of: $0) }.first
            if let unsupported {
                return CSIv1.ValidateVolumeCapabilitiesResponse(message: "\(unsupported.part) \(unsupported.reason)")
            }
            if let refusal = try await driver.refusal(of: request, for: volume) {
                return CSIv1.ValidateVolumeCapabilitiesResponse(message: refusal)
            }
            return CSIv1.ValidateVolumeCapabilitiesResponse(
                confirmed: .init(
                    volumeContext: request.context.wire, volumeCapabilities: request.capabilities.map(\.wire),
                    parameters: request.parameters.map.wire, mutableParameters: request.mutableParameters.map.wire))
        }
    }

    mutating func addListing(_ driver: any VolumeListing) {
        controller(CSIv1.Controller.listVolumes) { (request: ListVolumes) async throws(CSIError) in
            let page = try await driver.list(request)
            var reply = CSIv1.ListVolumesResponse(nextToken: page.next.map { PageToken.encoded(after: $0) } ?? "")
            reply.entries.reserveCapacity(page.entries.count)
            for entry in page.entries {
                reply.entries.append(.init(volume: try entry.volume.wire(), status: entry.listStatus))
            }
            return reply
        }
    }

    mutating func addReading(_ driver: any VolumeReading) {
        controller(CSIv1.Controller.controllerGetVolume) { (request: GetVolume) async throws(CSIError) in
            guard let details = try await driver.read(request) else { throw .notFound(.volume(request.id)) }
            return CSIv1.ControllerGetVolumeResponse(volume: try details.volume.wire(), status: details.readStatus)
        }
    }

    mutating func addCapacity(_ driver: any CapacityReporting) {
        controller(CSIv1.Controller.getCapacity) { (request: GetCapacity) async throws(CSIError) in
            // A use that the driver cannot provide has no room, which is not an error of the question.
            guard request.capabilities.allSatisfy({ driver.support.refusal(of: $0) == nil }) else {
                return Capacity.none.wire
            }
            return try await driver.capacity(request).wire
        }
    }
}

extension VolumeDetails {
    fileprivate var listStatus: CSIv1.ListVolumesResponse.VolumeStatus? {
        guard condition != nil || publishedNodes != nil else { return nil }
        return .init(
            publishedNodeIDs: (publishedNodes ?? []).map(\.rawValue), volumeCondition: condition?.wire)
    }

    fileprivate var readStatus: CSIv1.ControllerGetVolumeResponse.VolumeStatus? {
        guard condition != nil || publishedNodes != nil else { return nil }
        return .init(
            publishedNodeIDs: (publishedNodes ?? []).map(\.rawValue), volumeCondition: condition?.wire)
    }
}

extension Capacity {
    fileprivate var wire: CSIv1.GetCapacityResponse {
        .init(
            availableCapacity: available, maximumVolumeSize: largestVolume.map { .init(value: $0) },
            minimumVolumeSize: smallestVolume.map { .init(value: $0) })
    }
}
