import CSIProto

/// What a new volume is filled with.
public enum ContentSource: Sendable, Hashable, CustomStringConvertible {
    /// The content of a snapshot.
    case snapshot(SnapshotID)
    /// The present content of another volume.
    case volume(VolumeID)

    init(validating wire: CSIv1.VolumeContentSource, field: String = "volume_content_source") throws(CSIError) {
        switch wire.type {
        case .snapshot(let snapshot):
            self = .snapshot(try SnapshotID(snapshot.snapshotID, field: "\(field).snapshot.snapshot_id"))
        case .volume(let volume):
            self = .volume(try VolumeID(volume.volumeID, field: "\(field).volume.volume_id"))
        case nil:
            throw .missing("\(field).type (snapshot or volume)")
        }
    }

    /// For messages and fingerprints, for example `snapshot snap-1`.
    public var description: String {
        switch self {
        case .snapshot(let id): "snapshot \(id)"
        case .volume(let id): "volume \(id)"
        }
    }

    /// The key that keeps the source from being removed while it is read.
    var key: OperationKey {
        switch self {
        case .snapshot(let id): .snapshot(id)
        case .volume(let id): .volume(id)
        }
    }

    var wire: CSIv1.VolumeContentSource {
        switch self {
        case .snapshot(let id): .init(type: .snapshot(.init(snapshotID: id.rawValue)))
        case .volume(let id): .init(type: .volume(.init(volumeID: id.rawValue)))
        }
    }
}
