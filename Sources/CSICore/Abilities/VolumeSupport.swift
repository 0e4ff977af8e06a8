/// The ways in which a driver's volumes can be used, declared once: the same declaration validates requests and derives
/// capabilities.
///
/// Declare ``AccessMode/singleNodeSingleWriter`` and ``AccessMode/singleNodeMultiWriter`` together or not at all: either of
/// them advertises SINGLE_NODE_MULTI_WRITER, and then Kubernetes' sidecars ask for the second one wherever a claim says
/// ReadWriteOnce.
public struct VolumeSupport: Sendable, Hashable {
    /// The access modes.
    public let modes: Set<AccessMode>

    /// Whether volumes can be raw block devices.
    public let block: Bool

    /// What mounted volumes accept; nil when volumes cannot be mounted.
    public let mount: MountSupport?

    /// What mounted volumes accept.
    public struct MountSupport: Sendable, Hashable {
        /// The file systems that may be asked for by name; nil accepts any, and the empty name is always accepted.
        public let fileSystemTypes: Set<String>?

        /// The mount options that may be asked for; nil accepts any.
        public let flags: Set<String>?

        /// Creates a declaration.
        public init(fileSystemTypes: Set<String>? = nil, flags: Set<String>? = nil) {
            self.fileSystemTypes = fileSystemTypes
            self.flags = flags
        }
    }

    /// Creates a declaration.
    public init(modes: Set<AccessMode>, block: Bool = false, mount: MountSupport? = MountSupport()) {
        self.modes = modes
        self.block = block
        self.mount = mount
    }

    /// Whether the driver tells one writer on a node from many.
    var tellsSingleFromMultiWriter: Bool {
        modes.contains(.singleNodeSingleWriter) || modes.contains(.singleNodeMultiWriter)
    }

    /// Why a capability cannot be had, as a sentence about `field`; nil when it can.
    func refusal(of capability: VolumeCapability, acceptsGroup: Bool) -> Refusal? {
        guard modes.contains(capability.mode) else {
            let known = modes.map(\.rawValue).sorted().joined(separator: ", ")
            return Refusal(part: "access_mode", reason: "\(capability.mode) is not supported; supported are \(known)")
        }
        switch capability.access {
        case .block:
            return block ? nil : Refusal(part: "block", reason: "volumes of this driver can only be mounted")
        case .mount(let access):
            guard let mount else {
                return Refusal(part: "mount", reason: "volumes of this driver are raw block devices")
            }
            return mount.refusal(of: access, acceptsGroup: acceptsGroup)
        }
    }

    /// Refuses to publish or stage in a way that cannot be had.
    /// - Throws: FAILED_PRECONDITION for an access mode, which is what the specification calls exceeding the volume's
    ///   capabilities; INVALID_ARGUMENT naming the part for anything else.
    func requirePossible(_ capability: VolumeCapability, field: String, acceptsGroup: Bool) throws(CSIError) {
        guard let refusal = refusal(of: capability, acceptsGroup: acceptsGroup) else { return }
        guard modes.contains(capability.mode) else {
            throw .preconditionFailed("\(field).\(refusal.part): \(refusal.reason)")
        }
        throw .invalid("\(field).\(refusal.part)", refusal.reason)
    }

    /// The first capability that cannot be had.
    /// - Throws: INVALID_ARGUMENT naming the capability and the part of it.
    func requireAll(_ capabilities: [VolumeCapability], field: String, acceptsGroup: Bool) throws(CSIError) {
        for (index, capability) in capabilities.enumerated() {
            guard let refusal = refusal(of: capability, acceptsGroup: acceptsGroup) else { continue }
            throw .invalid("\(field)[\(index)].\(refusal.part)", refusal.reason)
        }
    }
}

/// The part of a capability that a driver cannot provide, and why.
struct Refusal: Sendable, Hashable {
    let part: String
    let reason: String
}

extension VolumeSupport.MountSupport {
    func refusal(of access: MountAccess, acceptsGroup: Bool) -> Refusal? {
        if let fileSystemTypes, !access.fileSystemType.isEmpty, !fileSystemTypes.contains(access.fileSystemType) {
            let known = fileSystemTypes.sorted().joined(separator: ", ")
            let choice = known.isEmpty ? "leave it empty" : "known are \(known)"
            return Refusal(part: "mount.fs_type", reason: "\"\(access.fileSystemType)\" is not supported; \(choice)")
        }
        // A class may hand several options over in one string, as mount(8) accepts them.
        let words = access.flags.lazy.flatMap { $0.split(separator: ",").map(String.init) }
        if let flags, let unknown = words.first(where: { !flags.contains($0) }) {
            let known = flags.sorted().joined(separator: ", ")
            return Refusal(part: "mount.mount_flags", reason: "\"\(unknown)\" is not supported; known are \(known)")
        }
        guard access.group.isEmpty || acceptsGroup else {
            return Refusal(part: "mount.volume_mount_group", reason: "is not supported by this driver")
        }
        return nil
    }
}
