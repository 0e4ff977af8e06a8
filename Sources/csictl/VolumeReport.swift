import CSIProto

/// A volume as this tool prints it.
struct VolumeReport: Encodable {
    var volumeID: String
    var capacityBytes: Int64
    var volumeContext: [String: String]
    var accessibleTopology: [[String: String]]
    var condition: Condition?

    struct Condition: Encodable {
        var abnormal: Bool
        var message: String
    }

    enum CodingKeys: String, CodingKey {
        case volumeID = "volume_id"
        case capacityBytes = "capacity_bytes"
        case volumeContext = "volume_context"
        case accessibleTopology = "accessible_topology"
        case condition
    }

    init(_ volume: CSIv1.Volume, condition: CSIv1.VolumeCondition? = nil) {
        volumeID = volume.volumeID
        capacityBytes = volume.capacityBytes
        volumeContext = volume.volumeContext.dictionary
        accessibleTopology = volume.accessibleTopology.map(\.segments.dictionary)
        self.condition = condition.map { Condition(abnormal: $0.abnormal, message: $0.message) }
    }

    var pairs: [(name: String, value: String)] {
        var pairs: [(name: String, value: String)] = [
            ("volume", volumeID), ("capacity", "\(ByteSize(bytes: capacityBytes)) (\(capacityBytes) bytes)"),
            ("context", Self.text(volumeContext)),
            ("topology", accessibleTopology.map(Self.text).joined(separator: " or ")),
        ]
        if let condition {
            pairs.append(("condition", (condition.abnormal ? "ABNORMAL: " : "") + condition.message))
        }
        return pairs
    }

    var row: [String] {
        [volumeID, "\(ByteSize(bytes: capacityBytes))", accessibleTopology.map(Self.text).joined(separator: " or ")]
    }

    static func text(_ map: [String: String]) -> String {
        map.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: ",")
    }
}

extension ProtoMap where Key == String, Value == String {
    var dictionary: [String: String] {
        Dictionary(map { ($0.key, $0.value) }, uniquingKeysWith: { _, last in last })
    }
}
