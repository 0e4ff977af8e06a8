import CSIProto

/// The two messages whose cost is watched.
enum Messages {
    /// As the provisioner sends it: 1,008 bytes.
    static func createVolume() -> CSIv1.CreateVolumeRequest {
        var parameters: ProtoMap<String, String> = [:]
        for index in 1...8 { parameters["parameter-\(index)"] = "the-value-of-parameter-number-\(index)" }
        parameters["csi.storage.k8s.io/pvc/name"] = "data-postgres-ha-replica-0-of-3-main"
        parameters["csi.storage.k8s.io/pvc/namespace"] = "databases"
        parameters["csi.storage.k8s.io/pv/name"] = "pvc-9f0c1f5e-6f0a-4b6e-8a38-1d2f3a4b5c6d"
        let secrets: ProtoMap<String, String> = [
            "username": "backup-operator@storage.example.internal", "password": "correct horse battery",
        ]
        let topologies = (1...4).map { index in
            CSIv1.Topology(segments: ["topology.hostpath.swift-csi.dev/node": "worker-0\(index).example"])
        }
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
            accessibilityRequirements: .init(requisite: topologies))
    }

    /// A page of a thousand volumes, 203 bytes each.
    static func listVolumes() -> CSIv1.ListVolumesResponse {
        let entries = (0..<1000).map { index in
            let suffix = String(1_000_000 + index)
            return CSIv1.ListVolumesResponse.Entry(
                volume: .init(
                    capacityBytes: 10 << 30,
                    volumeID: "9f0c1f5e-6f0a-4b6e-8a38-00000\(suffix)",
                    volumeContext: [
                        "server": "nfs-01.storage.internal", "share": "/export/k8s/production/volumes/\(suffix)",
                    ],
                    accessibleTopology: [.init(segments: ["topology.hostpath.csi/node": "worker-01.internal"])]),
                status: .init(volumeCondition: .init(message: "healthy now")))
        }
        return CSIv1.ListVolumesResponse(entries: entries, nextToken: "")
    }
}
