import CSIProto

extension RouteTable {
    mutating func addProvisioning(_ driver: any VolumeProvisioning) {
        let snapshots = enabled(.snapshotCapable, driver as? any SnapshotCapable)
        let clones = enabled(.volumeCloning, driver as? any VolumeCloning)
        let mutableKeys = enabled(.volumeModifying, driver as? any VolumeModifying)?.mutableKeys ?? []
        let acceptsGroup = acceptsMountGroup(driver)
        controller(CSIv1.Controller.createVolume) { (request: CreateVolume) async throws(CSIError) in
            try driver.support.requireAll(
                request.capabilities, field: "volume_capabilities", acceptsGroup: acceptsGroup)
            try request.mutableParameters.requireKnown(mutableKeys)
            let volume: Volume
            switch request.source {
            case nil: volume = try await driver.create(request)
            case .snapshot(let id):
                guard let snapshots else { throw .unsupportedSource("snapshot") }
                volume = try await snapshots.restore(request, from: id)
            case .volume(let id):
                guard let clones else { throw .unsupportedSource("volume") }
                volume = try await clones.clone(request, from: id)
            }
            return CSIv1.CreateVolumeResponse(volume: try volume.wire(answering: request))
        }
        controller(CSIv1.Controller.deleteVolume) { (request: DeleteVolume) async throws(CSIError) in
            try await driver.delete(request)
            return CSIv1.DeleteVolumeResponse()
        }
        controller(CSIv1.Controller.validateVolumeCapabilities) {
            (request: ValidateVolumeCapabilities) async throws(CSIError) in
            guard let volume = try await driver.volume(request.id) else { throw .notFound(.volume(request.id)) }
            let unsupported = request.capabilities.lazy.compactMap {
                driver.support.refusal(of: $0, acceptsGroup: acceptsGroup)
            }
            .first
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
        let acceptsGroup = acceptsMountGroup(driver)
        controller(CSIv1.Controller.getCapacity) { (request: GetCapacity) async throws(CSIError) in
            // A use that the driver cannot provide has no room, which is not an error of the question.
            let refusals = request.capabilities.lazy.compactMap {
                driver.support.refusal(of: $0, acceptsGroup: acceptsGroup)
            }
            guard refusals.first == nil else { return Capacity.none.wire }
            return try await driver.capacity(request).wire
        }
    }
}

extension RouteTable {
    mutating func addAttaching(_ driver: any VolumeAttaching) {
        let readOnly = enabled(.readOnlyAttaching, driver as? any ReadOnlyAttaching) != nil
        let acceptsGroup = acceptsMountGroup(driver)
        controller(CSIv1.Controller.controllerPublishVolume) { (request: AttachVolume) async throws(CSIError) in
            try driver.support.requirePossible(
                request.capability, field: "volume_capability", acceptsGroup: acceptsGroup)
            guard readOnly || !request.isReadOnly else {
                throw .invalid("readonly", "is not supported: the driver does not advertise PUBLISH_READONLY")
            }
            return CSIv1.ControllerPublishVolumeResponse(publishContext: try await driver.attach(request).wire)
        }
        controller(CSIv1.Controller.controllerUnpublishVolume) { (request: DetachVolume) async throws(CSIError) in
            try await driver.detach(request)
            return CSIv1.ControllerUnpublishVolumeResponse()
        }
    }

    mutating func addExpanding(_ driver: any VolumeExpanding) {
        controller(CSIv1.Controller.controllerExpandVolume) { (request: ExpandVolume) async throws(CSIError) in
            let expansion = try await driver.expand(request)
            guard expansion.capacity >= (request.capacity.required ?? 0) else {
                throw .fault("the driver answered \(expansion.capacity) bytes, and \(request.capacity) were asked for")
            }
            return CSIv1.ControllerExpandVolumeResponse(
                capacityBytes: expansion.capacity, nodeExpansionRequired: expansion.needsNode)
        }
    }

    mutating func addModifying(_ driver: any VolumeModifying) {
        let mutableKeys = driver.mutableKeys
        controller(CSIv1.Controller.controllerModifyVolume) { (request: ModifyVolume) async throws(CSIError) in
            // An unknown volume is the better answer where both are wrong.
            guard try await driver.volume(request.id) != nil else { throw .notFound(.volume(request.id)) }
            try request.parameters.requireKnown(mutableKeys)
            try await driver.modify(request)
            return CSIv1.ControllerModifyVolumeResponse()
        }
    }

    func acceptsMountGroup(_ driver: any CSIDriver) -> Bool {
        enabled(.mountGroupApplying, driver as? any MountGroupApplying) != nil
    }
}

extension Parameters {
    fileprivate func requireKnown(_ keys: Set<String>) throws(CSIError) {
        var reader = reader()
        for key in keys { _ = reader.take(key) }
        try reader.finish()
    }
}

extension CSIError {
    fileprivate static func unsupportedSource(_ kind: String) -> CSIError {
        .invalid("volume_content_source.\(kind)", "is not supported by this driver")
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
