public import CSIProto

/// One way a volume is to be used: as a block device or mounted, and by whom.
public struct VolumeCapability: Sendable, Hashable {
    /// Block device or mounted file system.
    public enum Access: Sendable, Hashable {
        /// A raw block device.
        case block
        /// A mounted file system.
        case mount(MountAccess)
    }

    /// What kind of access.
    public let access: Access

    /// Who may use the volume at the same time.
    public let mode: AccessMode

    /// Creates a capability, for callers and tests.
    public init(access: Access, mode: AccessMode) {
        self.access = access
        self.mode = mode
    }

    /// Checks a capability from the wire.
    /// - Throws: INVALID_ARGUMENT naming the part below `field` that is missing or not known.
    public init(validating wire: CSIv1.VolumeCapability, field: String) throws(CSIError) {
        switch wire.accessType {
        case .block: access = .block
        case .mount(let mount): access = .mount(try MountAccess(validating: mount, field: "\(field).mount"))
        case nil: throw .missing("\(field).access_type (block or mount)")
        }
        guard let wireMode = wire.accessMode else { throw .missing("\(field).access_mode") }
        guard let mode = AccessMode(wireMode.mode) else {
            throw .invalid("\(field).access_mode", "is \(wireMode.mode.rawValue), which is not an access mode")
        }
        self.mode = mode
    }

    /// Checks the capabilities of a request that needs at least one; they may not mix block and mount.
    static func list(
        validating wire: [CSIv1.VolumeCapability], field: String = "volume_capabilities"
    ) throws(CSIError) -> [VolumeCapability] {
        guard !wire.isEmpty else { throw .missing(field) }
        var capabilities: [VolumeCapability] = []
        for (index, capability) in wire.enumerated() {
            capabilities.append(try VolumeCapability(validating: capability, field: "\(field)[\(index)]"))
        }
        guard Set(capabilities.map(\.isBlock)).count == 1 else {
            throw .invalid(field, "ask for block and mount access to the same volume; choose one")
        }
        return capabilities
    }

    /// Whether the volume is a raw block device.
    public var isBlock: Bool { access == .block }

    /// The mount part, nil for block access.
    public var mount: MountAccess? {
        if case .mount(let mount) = access { mount } else { nil }
    }

    /// One line that names every part, in a fixed order; the form that fingerprints keep.
    public var canonicalText: String {
        switch access {
        case .block: "block \(mode)"
        case .mount(let mount): "mount \(mode) \(mount.canonicalText)"
        }
    }

    var wire: CSIv1.VolumeCapability {
        let accessType: CSIv1.VolumeCapability.AccessTypeOneOf
        switch access {
        case .block: accessType = .block(.init())
        case .mount(let mount): accessType = .mount(mount.wire)
        }
        return .init(accessType: accessType, accessMode: .init(mode: mode.wire))
    }
}
