import CSIProto

/// What a row needs to make sense.
enum ConformanceNeed: Sendable {
    /// A service that is advertised.
    case service(CSIv1.PluginCapability.Service.TypeEnum)
    /// A service that is not advertised.
    case noService(CSIv1.PluginCapability.Service.TypeEnum)
    /// A capability of the controller.
    case controller(CSIv1.ControllerServiceCapability.RPC.TypeEnum)
    /// A capability that the controller lacks.
    case noController(CSIv1.ControllerServiceCapability.RPC.TypeEnum)
    /// The Node service.
    case nodeService
    /// A capability of the node.
    case node(CSIv1.NodeServiceCapability.RPC.TypeEnum)
    /// A capability that the node lacks.
    case noNode(CSIv1.NodeServiceCapability.RPC.TypeEnum)
    /// The capability of the group controller.
    case groups
    /// Volumes that are made here and used on a node.
    case usableVolumes
    /// Controller and node behind two connections.
    case twoEndpoints
    /// Mounted volumes.
    case mounts
    /// Access to the node's paths.
    case paths
    /// The right to mount in the driver's namespace.
    case mountRight
    /// Something in the configuration, by its name.
    case configured(String, @Sendable (ConformanceConfiguration) -> Bool)
    /// A way to start the driver again.
    case launcher

    static let volumes = ConformanceNeed.controller(.createDeleteVolume)
    static let snapshots = ConformanceNeed.controller(.createDeleteSnapshot)
    static let mutableParameters = ConformanceNeed.configured("mutable parameters") { !$0.mutableParameters.isEmpty }
    static let secrets = ConformanceNeed.configured("secrets") { !$0.secrets.isEmpty }

    /// Why the row cannot run; nil when nothing is missing.
    func reasonAbsent(in subject: ConformanceSubject) -> String? {
        switch self {
        case .service(let type):
            subject.services.contains(type) ? nil : "the driver does not advertise \(type)"
        case .noService(let type):
            subject.services.contains(type) ? "the driver advertises \(type)" : nil
        case .controller(let type):
            subject.controller.contains(type) ? nil : "the controller does not advertise \(type)"
        case .noController(let type):
            subject.controller.contains(type) ? "the controller advertises \(type)" : nil
        case .nodeService:
            subject.servesNode ? nil : "there is no Node service"
        case .node(let type):
            subject.node.contains(type) ? nil : "the node does not advertise \(type)"
        case .noNode(let type):
            !subject.servesNode
                ? "there is no Node service" : subject.node.contains(type) ? "the node advertises \(type)" : nil
        case .groups:
            subject.group.contains(.createDeleteGetVolumeGroupSnapshot)
                ? nil : "the driver does not advertise group snapshots"
        case .usableVolumes:
            Self.volumes.reasonAbsent(in: subject) ?? Self.nodeService.reasonAbsent(in: subject)
        case .twoEndpoints:
            subject.endpoints.node == nil ? "controller and node are one endpoint" : nil
        case .mounts:
            subject.configuration.accessType == .mount ? nil : "the suite uses block volumes"
        case .paths:
            subject.configuration.site.isVisible ? nil : "the suite cannot see the node's paths"
        case .mountRight:
            subject.configuration.site.canMount ? nil : "the suite cannot mount on the node"
        case .configured(let name, let isPresent):
            isPresent(subject.configuration) ? nil : "the configuration has no \(name)"
        case .launcher:
            subject.endpoints.launcher == nil ? "the suite does not know how to start the driver" : nil
        }
    }
}
