public import CSIProto

/// The messages that every server and codec here works on; the peers read them from the files that `codec-bench` writes.
public enum BenchmarkMessages {
    /// CreateVolume as an external provisioner sends it: 1,008 bytes, 11 parameters, 2 secrets, 4 topologies.
    public static func createVolumeRequest() -> CSIv1.CreateVolumeRequest {
        var parameters: ProtoMap<String, String> = [:]
        for index in 1...8 { parameters["parameter-\(index)"] = "the-value-of-parameter-number-\(index)" }
        parameters["csi.storage.k8s.io/pvc/name"] = "data-postgres-production-replica-001"
        parameters["csi.storage.k8s.io/pvc/namespace"] = "databases"
        parameters["csi.storage.k8s.io/pv/name"] = "pvc-9f0c1f5e-6f0a-4b6e-8a38-1d2f3a4b5c6d"
        let secrets: ProtoMap<String, String> = [
            "username": "backup-operator@storage.example.internal", "password": "correct horse battery",
        ]
        return CSIv1.CreateVolumeRequest(
            name: "pvc-9f0c1f5e-6f0a-4b6e-8a38-1d2f3a4b5c6d",
            capacityRange: .init(requiredBytes: 10 << 30, limitBytes: 20 << 30),
            volumeCapabilities: [
                .init(
                    accessType: .mount(.init(fsType: "ext4", mountFlags: ["noatime", "nodiratime", "discard"])),
                    accessMode: .init(mode: .singleNodeWriter))
            ],
            parameters: parameters,
            secrets: Secrets(secrets),
            accessibilityRequirements: .init(requisite: topologies(4)))
    }

    /// ControllerPublishVolume of that volume, as an attacher sends it.
    public static func attachRequest() -> CSIv1.ControllerPublishVolumeRequest {
        let request = createVolumeRequest()
        return .init(
            volumeID: createdVolume().volumeID, nodeID: "worker-01.rack2.example",
            volumeCapability: request.volumeCapabilities[0], secrets: request.secrets,
            volumeContext: createdVolume().volumeContext)
    }

    /// NodePublishVolume of that volume, as a kubelet sends it with the facts of the pod.
    public static func publishRequest() -> CSIv1.NodePublishVolumeRequest {
        var context = createdVolume().volumeContext
        context["csi.storage.k8s.io/pod.name"] = "postgres-production-replica-001"
        context["csi.storage.k8s.io/pod.namespace"] = "databases"
        context["csi.storage.k8s.io/pod.uid"] = "6c1b8e0e-7f5d-4b60-9d2a-3f0c9a3c7d11"
        context["csi.storage.k8s.io/serviceAccount.name"] = "postgres"
        let id = createdVolume().volumeID
        return .init(
            volumeID: id,
            stagingTargetPath: "/var/lib/kubelet/plugins/kubernetes.io/csi/hostpath.example/\(id)/globalmount",
            targetPath:
                "/var/lib/kubelet/pods/6c1b8e0e-7f5d-4b60-9d2a-3f0c9a3c7d11/volumes/kubernetes.io~csi/\(id)/mount",
            volumeCapability: createVolumeRequest().volumeCapabilities[0], readonly: true, volumeContext: context)
    }

    /// The volume that a CreateVolume call answers: 611 bytes.
    public static func createdVolume() -> CSIv1.Volume {
        var context: ProtoMap<String, String> = [:]
        for index in 1...8 { context["parameter-\(index)"] = "the-value-of-parameter-number-\(index)" }
        context["share"] = "/export/k8s/production/volumes/databases-000001"
        return CSIv1.Volume(
            capacityBytes: 10 << 30, volumeID: "9f0c1f5e-6f0a-4b6e-8a38-1d2f3a4b5c6d", volumeContext: context,
            accessibleTopology: topologies(2))
    }

    /// The state of a server that lists a thousand volumes: 203,000 bytes when encoded.
    public static func volumes() -> [CSIv1.ListVolumesResponse.Entry] {
        (0..<1000).map { index in
            let suffix = String(1_000_000 + index)
            return CSIv1.ListVolumesResponse.Entry(
                volume: .init(
                    capacityBytes: 10 << 30,
                    volumeID: "9f0c1f5e-6f0a-4b6e-8a38-00000\(suffix)",
                    volumeContext: [
                        "server": "nfs-01.storage.example", "share": "/export/k8s/production/volumes/\(suffix)",
                    ],
                    accessibleTopology: [.init(segments: ["topology.hostpath.csi/node": "worker-01.rack2.example"])]),
                status: .init(volumeCondition: .init(message: "healthy")))
        }
    }

    private static func topologies(_ count: Int) -> [CSIv1.Topology] {
        (1...count).map { index in
            CSIv1.Topology(segments: ["topology.hostpath.swift-csi.dev/node": "worker-0\(index).example"])
        }
    }
}
