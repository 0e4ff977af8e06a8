import CSIProto

/// Ask what the node is and how many volumes it takes (NodeGetInfo), of a driver that has to look.
struct GetNodeInfo: ValidatedRequest {
    init(validating wire: CSIv1.NodeGetInfoRequest) throws(CSIError) {}
}
