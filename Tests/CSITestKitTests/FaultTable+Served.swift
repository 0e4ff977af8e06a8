import CSIProto
import CSITransport

extension FaultTable {
    static let served: [String: Fault] = [
        "served/CreateVolume": .fails(C.createVolume, .unimplemented),
        "served/DeleteVolume": .fails(C.deleteVolume, .unimplemented),
        "served/ControllerPublishVolume": .fails(C.controllerPublishVolume, .unimplemented),
        "served/ControllerUnpublishVolume": .fails(C.controllerUnpublishVolume, .unimplemented),
        "served/ListVolumes": .fails(C.listVolumes, .unimplemented),
        "served/GetCapacity": .fails(C.getCapacity, .unimplemented),
        "served/CreateSnapshot": .fails(C.createSnapshot, .unimplemented),
        "served/DeleteSnapshot": .fails(C.deleteSnapshot, .unimplemented),
        "served/ListSnapshots": .fails(C.listSnapshots, .unimplemented),
        "served/GetSnapshot": .fails(C.getSnapshot, .unimplemented),
        "served/ControllerExpandVolume": .fails(C.controllerExpandVolume, .unimplemented),
        "served/ControllerGetVolume": .fails(C.controllerGetVolume, .unimplemented),
        "served/ControllerModifyVolume": .fails(C.controllerModifyVolume, .unimplemented),
        "served/NodeStageVolume": .fails(N.nodeStageVolume, .unimplemented),
        "served/NodeUnstageVolume": .fails(N.nodeUnstageVolume, .unimplemented),
        "served/NodeGetVolumeStats": .fails(N.nodeGetVolumeStats, .unimplemented),
        "served/NodeExpandVolume": .fails(N.nodeExpandVolume, .unimplemented),
        "served/CreateVolumeGroupSnapshot": .fails(G.createVolumeGroupSnapshot, .unimplemented),
        "served/GetVolumeGroupSnapshot": .fails(G.getVolumeGroupSnapshot, .unimplemented),
        "served/DeleteVolumeGroupSnapshot": .fails(G.deleteVolumeGroupSnapshot, .unimplemented),
    ]

    static let unserved: [String: Fault] = [
        "capabilities/controller-service": .serves(C.controllerGetCapabilities),
        "capabilities/group-service": .serves(G.groupControllerGetCapabilities),
        "unserved/CreateVolume": .serves(C.createVolume),
        "unserved/DeleteVolume": .serves(C.deleteVolume),
        "unserved/ControllerPublishVolume": .serves(C.controllerPublishVolume),
        "unserved/ControllerUnpublishVolume": .serves(C.controllerUnpublishVolume),
        "unserved/ListVolumes": .serves(C.listVolumes),
        "unserved/GetCapacity": .serves(C.getCapacity),
        "unserved/CreateSnapshot": .serves(C.createSnapshot),
        "unserved/DeleteSnapshot": .serves(C.deleteSnapshot),
        "unserved/ListSnapshots": .serves(C.listSnapshots),
        "unserved/GetSnapshot": .serves(C.getSnapshot),
        "unserved/ControllerExpandVolume": .serves(C.controllerExpandVolume),
        "unserved/ControllerGetVolume": .serves(C.controllerGetVolume),
        "unserved/ControllerModifyVolume": .serves(C.controllerModifyVolume),
        "unserved/NodeStageVolume": .serves(N.nodeStageVolume),
        "unserved/NodeUnstageVolume": .serves(N.nodeUnstageVolume),
        "unserved/NodeGetVolumeStats": .serves(N.nodeGetVolumeStats),
        "unserved/NodeExpandVolume": .serves(N.nodeExpandVolume),
        "unserved/CreateVolumeGroupSnapshot": .serves(G.createVolumeGroupSnapshot),
        "unserved/GetVolumeGroupSnapshot": .serves(G.getVolumeGroupSnapshot),
        "unserved/DeleteVolumeGroupSnapshot": .serves(G.deleteVolumeGroupSnapshot),
    ]
}
